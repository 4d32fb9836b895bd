import base64

import pytest
from support.file_reader import code_of, read_file
from support.office_samples import png


def page(body: str, head: str = "<title>T</title>") -> bytes:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode()


SHAPES = {
    "headings": ("<h1>Report</h1><h2>Sales</h2>They rose.", "# Report\n\n## Sales\n\nThey rose."),
    "lists": (
        "<ul><li>a<ul><li>b</ul><li>c</ul><p>x<ol start=3><li>d<li><p>e</ol>",
        "- a\n  - b\n- c\n\nx\n\n3. d\n4. e",
    ),
    "letters of items": (
        "<ol type=a start=3><li>x<li>y</ol><p>p<ol type=I><li>z</ol>",
        "- c. x\n- d. y\n\np\n\n- I. z",
    ),
    "numbers of items": ("<ol><li value=5>a<li>b<li value=9>c</ol>", "5. a\n6. b\n9. c"),
    "merged cells": (
        (
            "<table><thead><tr><th colspan=2>wide<th>c</thead><tr><td rowspan=2>high<td>1<td>2"
            "<tr><td>3<td>4</table>"
        ),
        "| wide |  | c |\n| --- | --- | --- |\n| high | 1 | 2 |\n|  | 3 | 4 |",
    ),
    "a table in a table": (
        "<table><tr><td>left<td><table><tr><td>a<td>b<tr><td>c<td>d</table></table>",
        "left\n\n| a | b |\n| --- | --- |\n| c | d |",
    ),
    "a table that only arranges": (
        "<table><tr><td><p>one<p>two<tr><td>three</table>",
        "one\n\ntwo\n\nthree",
    ),
    "caption": (
        "<table><caption>Prices</caption><tr><th>a<th>b<tr><td>1<td>2</table>",
        "Prices\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
    ),
    "code": ("<p>run<pre><code>if x:\n    y</code></pre>", "run\n\n```\nif x:\n    y\n```"),
    "links": (
        "<a href='https://a.example/b'>it</a> <a href='javascript:x()'>no</a>",
        "[it](https://a.example/b) no",
    ),
    "scripts and hidden text": (
        "a<script>x</script><style>y</style><p hidden>z<template>w</template>",
        "a",
    ),
    "line breaks": ("a<br>b<hr>c", "a b\n\nc"),
    "right to left": ("<div dir=rtl><h1>דוח</h1><p>مرحبا</div>", "# דוח\n\nمرحبا"),
    "formulas": (
        "<p>so <math><mi>E</mi><annotation encoding=application/x-tex>E=m</annotation></math></p>",
        "so E=m",
    ),
    "entities": ("&lt;b&gt; &amp;amp; &nbsp;x", "\\<b> \\&amp; x"),
    "navigation": ("<nav><a href=/>menu</a></nav><main>text</main><footer>foot</footer>", "text"),
    "nothing but navigation": ("<nav>menu</nav>", "menu"),
    "empty": ("", ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_pages_become_markdown(shape: str) -> None:
    body, expected = SHAPES[shape]
    found = read_file(page(body))
    assert (found.format, found.title, found.markdown) == ("html", "T", expected)


def test_a_picture_in_a_table_comes_after_the_table_and_its_text_stays_in_the_cell() -> None:
    source = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    content = page(f"<table><tr><td>a<img src='{source}' alt=yes><td>b<tr><td>c<td>d</table>e")
    [found] = read_file(content, min_points=20).pages
    assert found["text"] == (
        "| ayes | b |\n| --- | --- |\n| c | d |\n\n![](page_1_image_1.png)\n\ne"
    )


def test_an_empty_element_of_xhtml_takes_no_text_in() -> None:
    content = b'<?xml version="1.0"?><html><head><title/></head><body><p/>text</body></html>'
    assert read_file(content).markdown == "text"


def test_pictures_in_the_page_are_kept_and_others_are_not_fetched() -> None:
    data = base64.b64encode(png()).decode()
    body = f"<img src='data:image/png;base64,{data}' alt=x><img src='http://a.example/b.png' alt=y>"
    [read] = read_file(page(body), min_points=20).pages
    assert read["pictures"] == ["page_1_image_1.png"]
    assert read["text"] == "![](page_1_image_1.png)\n\nx\n\ny"


def test_other_encodings_are_read() -> None:
    content = page("<p>Straße", "<meta charset=latin-1>").decode().encode("latin-1")
    assert read_file(content).markdown == "Straße"


def test_deeply_nested_elements_are_read() -> None:
    assert read_file(page("<b><i>" * 300 + "deep")).markdown == "***deep***"


@pytest.mark.parametrize("tag", ["<div>", "<table><tr><td>", "<blockquote><p>", "<ul><li>"])
def test_elements_nested_too_deeply_are_refused_before_they_cost_time(tag: str) -> None:
    assert code_of(page(tag * 200_000 + "x")) == "DOCUMENT_INVALID"


def test_many_elements_without_end_that_are_not_nested_are_read() -> None:
    assert read_file(page("<p>a<li>b" * 10_100)).markdown.startswith("a\n\n- b\n\na")


def test_a_table_with_huge_spans_is_refused() -> None:
    cells = "<td colspan=60000>a" * 3 + "<td>b"
    assert code_of(page(f"<table>{'<tr>' + cells}</table>" * 9)) == "DOCUMENT_TOO_LARGE"


def test_a_cut_page_gives_the_text_before_the_cut() -> None:
    assert read_file(page("<h1>Report</h1><p>They ro")[:-10]).markdown == "# Report\n\nThey ro"
