import pytest
from support.file_reader import code_of, read_file
from support.office_samples import png

HEAD = (
    r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}"
    r"{\f2\fcharset177 Arial;}}{\colortbl;\red0\green0\blue0;}"
    r"{\stylesheet{\ql Normal;}{\s1\ql heading 1;}{\s2 Heading 2;}{\s3 Title;}{\*\cs10 Default;}}"
)


def rich(body: str) -> bytes:
    return f"{HEAD}{body}}}".encode("latin-1")


def row(*cells: str, extra: str = "") -> str:
    defined = "".join(rf"\cellx{1000 * number}" for number in range(1, len(cells) + 1))
    shown = "".join(rf"\pard\intbl {cell}\cell" for cell in cells)
    return rf"\trowd{extra}{defined}{shown}\row "


def merged_row(*cells: tuple[str, str]) -> str:
    defined = "".join(rf"{how}\cellx{number}" for number, (how, _) in enumerate(cells, 1))
    shown = "".join(rf"\pard\intbl {text}\cell" for _, text in cells)
    return rf"\trowd{defined}{shown}\row "


SHAPES = {
    "headings": (
        r"\pard\s1 Report\par\pard\s2 Sales\par\pard\outlinelevel2 Europe\par\pard They rose.\par",
        "# Report\n\n## Sales\n\n### Europe\n\nThey rose.",
    ),
    "characters": (
        r"\pard caf\'e9 \u8364? \uc2\u960ab\uc1  {\f1\'cf\'f0} {\f2\'f9\'ec} \u-10179?\u-8704?\par",
        "café € π Пр של \U0001f600",
    ),
    "lists": (
        (
            r"\pard{\listtext\f1\'b7\tab}apples\par\pard{\listtext 1.\tab}first\par"
            r"\pard{\pntext 2.\tab}second\par"
        ),
        "- apples\n1. first\n2. second",
    ),
    "line ends after a backslash": ("\\pard one\\\ntwo\\\r\nthree", "one\n\ntwo\n\nthree"),
    "breaks": (r"\pard one\column two\softline three\par", "one two three"),
    "a shape with text": (
        (
            r"\pard before\par{\shp{\*\shpinst\shpleft0{\sp{\sn shapeType}{\sv 202}}"
            r"{\shptxt \pard inside\par}}{\shprslt{\*\do inside}inside}}\pard after\par"
        ),
        "before\n\ninside\n\nafter",
    ),
    "tracked changes": (
        r"\pard 1{\deleted 00 pounds}{\revised 50 euros}\deleted  gone\deleted0 .\par",
        "150 euros.",
    ),
    "table": (
        row("a", "b", extra=r"\trhdr") + row("c", "d|e") + r"\pard after\par",
        "| a | b |\n| --- | --- |\n| c | d\\|e |\n\nafter",
    ),
    "merged cells": (
        merged_row((r"\clmgf", "wide"), (r"\clmrg", ""), (r"\clvmgf", "high"))
        + merged_row(("", "1"), ("", "2"), (r"\clvmrg", "")),
        "| wide |  | high |\n| --- | --- | --- |\n| 1 | 2 |  |",
    ),
    "cells over several columns": (
        (
            r"\trowd\cellx2010\cellx3000\intbl wide\cell\intbl c\cell\row "
            r"\trowd\cellx1000\cellx2000\cellx3000\intbl a\cell\intbl b\cell\intbl d\cell\row "
        ),
        "| wide |  | c |\n| --- | --- | --- |\n| a | b | d |",
    ),
    "edges without order": (
        (
            r"\trowd\cellx2000\cellx1000\intbl a\cell\intbl b\cell\row "
            r"\trowd\intbl c\cell\intbl d\cell\row "
        ),
        "| a | b |\n| --- | --- |\n| c | d |",
    ),
    "a table in a table": (
        (
            r"\trowd\cellx1\cellx2\pard\intbl outer\cell\pard\intbl\itap2 a\nestcell b\nestrow "
            r"\cell\row "
        ),
        "| outer | a, b; |\n| --- | --- |",
    ),
    "footnote": (
        r"\pard A claim{\footnote \pard The proof.}.\par",
        "A claim\\[1\\].\n\n\\[1\\] The proof.",
    ),
    "link": (
        r'\pard see {\field{\*\fldinst{HYPERLINK "https://a.example/b"}}{\fldrslt it}}!\par',
        "see [it](https://a.example/b)!",
    ),
    "hidden text and pictures": (
        r"\pard a{\v hidden}{\pict\pngblip 89504e47}{\*\unknown x}{\object\objdata 00}b\par",
        "ab",
    ),
    "binary data": (r"\pard a{\pict\bin5 }}{\'x}b\par", "ab"),
    "pages": (
        r"\pard one\par\page two\par\pard\pagebb three\par\pard four\par",
        "one\n-----\ntwo\n-----\nthree\n\nfour",
    ),
    "title": (r"\pard\s3 Report\par", "# Report"),
    "the text of an embedded file": (
        r"\pard a {\object\objemb{\*\objclass Word}{\*\objdata 01}{\result linked}}\par",
        "a linked",
    ),
    "right to left": (r"\pard\rtlpar {\f2\'f9\'ec\'e5\'ed}\par", "שלום"),
    "empty": ("", ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_rich_text_becomes_markdown(shape: str) -> None:
    body, expected = SHAPES[shape]
    found = read_file(rich(body))
    assert (found.format, found.markdown) == ("rtf", expected)


PICTURE = png().hex()
PICTURES = {
    "digits": rf"\pard a{{\*\shppict{{\pict{{\*\picprop{{\sn x}}}}\pngblip\picw9 {PICTURE}}}}}\par",
    "lines of digits": f"\\pard a{{\\pict\\pngblip {PICTURE[:99]}\n{PICTURE[99:]}}}\\par",
    "in a table": row(f"a{{\\pict\\pngblip {PICTURE}}}"),
}


@pytest.mark.parametrize("shape", PICTURES)
def test_pictures_are_kept(shape: str) -> None:
    [page] = read_file(rich(PICTURES[shape]), min_points=20).pages
    assert page["pictures"] == ["page_1_image_1.png"]
    assert page["text"].endswith("\n\n![](page_1_image_1.png)")


def test_a_picture_in_binary_is_kept() -> None:
    start, end = rich(r"\pard a{\pict\pngblip\bin% }b\par").split(b"%")
    content = start + str(len(png())).encode() + b" " + png() + end
    assert read_file(content, min_points=20).markdown == "ab\n\n![](page_1_image_1.png)"


@pytest.mark.parametrize("picture", [r"\pngblip 8", r"\pngblip 8x", r"\pngblip ", r"\emfblip 00"])
def test_pictures_that_cannot_be_shown_are_left_out(picture: str) -> None:
    content = rich(rf"\pard a{{\pict{picture}}}b\par")
    assert read_file(content, min_points=20).markdown == "ab"


def test_the_title_and_the_author_come_from_the_information() -> None:
    found = read_file(rich(r"{\info{\title Report}{\author Ada}{\company X}}\pard a\par"))
    assert (found.title, found.author, found.markdown) == ("Report", "Ada", "a")


@pytest.mark.parametrize("place", ["header", "headerf", "footerl", "footerf"])
def test_headers_are_left_out_unless_they_are_kept(place: str) -> None:
    content = rich(rf"{{\{place}\pard Company\par}}\pard text\par")
    assert read_file(content).markdown == "text"
    assert "Company" in read_file(content, keep_headers=True).markdown


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (r"\ansi\ansicpg1251{\fonttbl{\f0\fcharset1 Arial;}}\f0", "cp1251"),
        (r"\ansi\ansicpg20866", "koi8-r"),
        (r"\mac", "mac_roman"),
        (r"\pc", "cp437"),
        (r"\pca", "cp850"),
    ],
)
def test_text_has_the_encoding_that_its_head_names(head: str, encoding: str) -> None:
    text = "Привет" if encoding in ("cp1251", "koi8-r") else "Müller"
    content = rf"{{\rtf1{head}\pard ".encode() + text.encode(encoding) + rb"\par}"
    assert read_file(content).markdown == text


def test_rich_text_nested_too_deeply_is_refused() -> None:
    assert code_of(rich("{" * 5000)) == "DOCUMENT_INVALID"


@pytest.mark.parametrize("bomb", [r"\par xyz" * 3000, row("a") * 600])
def test_rich_text_over_a_limit_is_refused(bomb: str) -> None:
    assert (
        code_of(rich(rf"\pard {bomb}"), max_text_chars=5000, max_cells=1000) == "DOCUMENT_TOO_LARGE"
    )


@pytest.mark.parametrize("cut", [30, 200, 330, 380])
def test_cut_rich_text_gives_the_text_before_the_cut(cut: int) -> None:
    content = rich(r"\pard\s1 Report\par\pard They rose.\par")
    assert read_file(content[:cut]).format == "rtf"
