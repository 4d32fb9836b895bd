import codecs

import pytest
from support.file_reader import code_of, read_file

TEXTS = {
    "paragraphs": ("One line\nof text.\n\n\nTwo.", "One line of text.\n\nTwo."),
    "a list": ("Buy:\n* tea\n* milk\n1. then", "Buy:\n\n- tea\n- milk\n1. then"),
    "an address": (
        "Ada Byron\n12 St James Square\nLondon",
        "Ada Byron\n\n12 St James Square\n\nLondon",
    ),
    "numbers": ("size\n10\n20", "size\n\n10\n\n20"),
    "a log": (
        f"2026-01-01 started {'x' * 40}\n2026-01-02 ended {'x' * 40}",
        f"2026-01-01 started {'x' * 40}\n\n2026-01-02 ended {'x' * 40}",
    ),
    "wrapped lines": (
        f"{'Words ' * 10}\nAnd {'more ' * 9}\nThe end.",
        f"{'Words ' * 10}And {'more ' * 9}The end.",
    ),
    "JSON": ('{"a": [1, "*"]}', '```\n{"a": [1, "*"]}\n```'),
    "lines of JSON": ('{"a": 1}\n{"b": 2}\n', '```\n{"a": 1}\n{"b": 2}\n```'),
    "XML": ("<?xml version='1.0'?>\n<a>*b*</a>", "```\n<?xml version='1.0'?>\n<a>*b*</a>\n```"),
    "pages": ("one\ftwo", "one\n-----\ntwo"),
    "a form feed at the end": ("one\n\ftwo\n\f\n", "one\n-----\ntwo"),
    "an empty page": ("one\f\ftwo", "one\n-----\n\n-----\ntwo"),
    "marks of Markdown": ("*a* [c]\nd_e_ <f>", "\\*a\\* \\[c\\] d_e\\_ \\<f>"),
    "control characters": ("\x1b[1mbold", "\\[1mbold"),
    "right to left": ("שלום עולם\n\nمرحبا", "שלום עולם\n\nمرحبا"),
    "line ends of Windows": ("a\r\n\r\nb", "a\n\nb"),
}


@pytest.mark.parametrize("shape", TEXTS)
def test_texts_become_markdown(shape: str) -> None:
    text, expected = TEXTS[shape]
    found = read_file(text.encode())
    assert (found.format, found.markdown) == ("txt", expected)


@pytest.mark.parametrize(
    "content",
    [
        "Straße".encode(),
        "Straße".encode("cp1252"),
        codecs.BOM_UTF16_LE + "Straße".encode("utf-16-le"),
    ],
)
def test_the_encoding_of_a_text_is_found(content: bytes) -> None:
    assert read_file(content).markdown == "Straße"


def test_a_text_over_the_limit_is_refused() -> None:
    assert code_of(b"word " * 1_000_000) == "DOCUMENT_TOO_LARGE"


TABLES = {
    "commas": ("name,price\nTea,3\n", "| name | price |\n| --- | --- |\n| Tea | 3 |"),
    "semicolons": ("name;price\nTea;3,5\n", "| name | price |\n| --- | --- |\n| Tea | 3,5 |"),
    "tabs": ("name\tprice\nTea\t3\n", "| name | price |\n| --- | --- |\n| Tea | 3 |"),
    "quotes": ('a,b\n"x, ""y""\nz",2\n', '| a | b |\n| --- | --- |\n| x, "y" z | 2 |'),
    "rows of other lengths": ("a,b\nc,d\ne\n", "| a | b |\n| --- | --- |\n| c | d |\n| e |  |"),
    "right to left": ("שם,מחיר\nתה,3\n", "| שם | מחיר |\n| --- | --- |\n| תה | 3 |"),
    "a quote without its end": ('a,b\n1,"x\n3,4\n', "| a | b |\n| --- | --- |\n| 1 | x 3,4 |"),
    "the line of Excel": (
        "sep=;\na;b;c\n1;2;3\n",
        "| a | b | c |\n| --- | --- | --- |\n| 1 | 2 | 3 |",
    ),
    "a separator of lines in a cell": (
        "a,b\nx\u2028y,1\n",
        "| a | b |\n| --- | --- |\n| x y | 1 |",
    ),
    "control characters": (
        "a\x1bb,c\nd\xade,f\n",
        "| ab | c |\n| --- | --- |\n| de | f |",
    ),
    "empty cells": ("a,b\n,\nc,d\n", "| a | b |\n| --- | --- |\n|  |  |\n| c | d |"),
}


@pytest.mark.parametrize("shape", TABLES)
def test_tables_become_markdown(shape: str) -> None:
    text, expected = TABLES[shape]
    found = read_file(text.encode())
    assert (found.format, found.markdown) == ("csv", expected)


def test_a_table_over_the_limit_is_refused() -> None:
    assert code_of(b"a,b\n" * 200_000) == "DOCUMENT_TOO_LARGE"


MARKDOWN = {
    "headings": ("# A\n\ntext\n\nB\n-\n", "# A\n\ntext\n\n## B"),
    "lists": ("# L\n\n1. a\n   - b\n2. c\n", "# L\n\n1. a\n   - b\n2. c"),
    "table": ("|a|b|\n|---|---|\n|1|2|\n", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
    "code": ("```py\nif x:\n    y\n```\n", "```py\nif x:\n    y\n```"),
    "code in HTML": ("# A\n\n<pre>a\n b</pre>\n", "# A\n\n```\na\n b\n```"),
    "marks": (
        "# *A* b\n\n__b__ *c* `d*` ***e*** x**y**z\n",
        "# *A* b\n\n**b** *c* `d*` ***e*** x**y**z",
    ),
    "links": ("see [it](https://a.example/b)\n", "see [it](https://a.example/b)"),
    "a picture": ("# A\n\n![alt](https://a.example/b.png)\n", "# A\n\nalt"),
    "notes": (
        "# A\n\na[^1] `[^1]`\n\n[^1]: One.\n[^x]: Two\nlines\n\nb\n",
        "# A\n\na\\[1\\] `[^1]`\n\nb\n\n\\[1\\] One.\n\n\\[x\\] Two lines",
    ),
    "merged cells in HTML": (
        "# A\n\n<table><tr><th colspan=2>w</th></tr><tr><td>1</td><td>2</td></tr></table>\n",
        "# A\n\n| w |  |\n| --- | --- |\n| 1 | 2 |",
    ),
    "endless quotes": ("# A\n\n" + ">" * 40 + "deep\n", "# A\n\ndeep"),
    "HTML": ("# A\n\n<script>x</script>\n\n<b>c</b>\n", "# A\n\n**c**"),
    "right to left": ("# דוח\n\nמרחבא\n", "# דוח\n\nמרחבא"),
    "front matter": ("---\n# of Ada\ntitle: T\n---\n# A\n", "# A"),
    "slides between lines": (
        "---\n# One\n\nFirst.\n\n---\n\n# Two\n",
        "# One\n\nFirst.\n\n# Two",
    ),
}


@pytest.mark.parametrize("shape", MARKDOWN)
def test_markdown_stays_markdown(shape: str) -> None:
    text, expected = MARKDOWN[shape]
    found = read_file(text.encode())
    assert (found.format, found.markdown) == ("md", expected)
    assert found.title == ("T" if shape == "front matter" else None)
