from typing import Any

import odfdo
import pytest
from odfdo import Element
from support.file_reader import code_of, read_file
from support.office_samples import open_document, open_file, picture_in, png, with_member

TITLE = "<draw:frame presentation:class='title'><draw:text-box><text:p>{}</text:p></draw:text-box>"
BOX = "<draw:frame presentation:class='{}'><draw:text-box>{}</draw:text-box></draw:frame>"
LIST = "<text:list text:style-name='{}'>{}</text:list>"
ITEM = "<text:list-item>{}</text:list-item>"


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def presentation(*slides: tuple[str, ...]) -> bytes:
    """Return a presentation; each slide is its title and then its elements."""

    def fill(body: Any) -> None:
        for number, (title, *elements) in enumerate(slides, start=1):
            page = odfdo.DrawPage(f"page{number}", name=f"page{number}")
            if title:
                page.append(Element.from_tag(f"{TITLE.format(title)}</draw:frame>"))
            for element in elements:
                page.append(Element.from_tag(element))
            body.append(page)

    return open_document("presentation", fill)


def box(text: str, kind: str = "outline") -> str:
    return BOX.format(kind, text)


CELL = "<table:table-cell{}>{}</table:table-cell>"
COVERED = "<table:covered-table-cell/>"
TABLE = "<draw:frame><table:table>{}</table:table><draw:image xlink:href='x.svm'/></draw:frame>"
DEEP = LIST.format("", ITEM.format(p("first") + LIST.format("", ITEM.format(p("deeper")))))
MERGED = "".join(
    f"<table:table-row>{row}</table:table-row>"
    for row in (
        CELL.format(" table:number-columns-spanned='2'", p("wide"))
        + COVERED
        + CELL.format(" table:number-rows-spanned='2'", p("high")),
        CELL.format("", p("a")) + CELL.format("", p("b")) + COVERED,
        CELL.format("", p("c")) + CELL.format("", p("d")) + CELL.format("", p("e")),
    )
)
NOTES = "<presentation:notes>{}</presentation:notes>"
CHART = (
    "<office:document-content xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0' "
    "xmlns:chart='urn:oasis:names:tc:opendocument:xmlns:chart:1.0' "
    "xmlns:table='urn:oasis:names:tc:opendocument:xmlns:table:1.0' "
    "xmlns:text='urn:oasis:names:tc:opendocument:xmlns:text:1.0'><office:body><office:chart>"
    "<chart:chart><chart:title><text:p>Sales</text:p></chart:title><table:table>"
    "<table:table-header-rows><table:table-row><table:table-cell/><table:table-cell>"
    "<text:p>Tea</text:p></table:table-cell></table:table-row></table:table-header-rows>"
    "<table:table-rows><table:table-row><table:table-cell><text:p>Q1</text:p></table:table-cell>"
    "<table:table-cell><text:p>1.5</text:p></table:table-cell></table:table-row>"
    "</table:table-rows></table:table></chart:chart></office:chart></office:body>"
    "</office:document-content>"
)
OBJECT = (
    "<draw:frame><draw:object xlink:href='./Object 1'/><draw:image xlink:href='x'/></draw:frame>"
)

MATH = (
    "<math xmlns='http://www.w3.org/1998/Math/MathML'><semantics><mrow><mi>a</mi></mrow>"
    "<annotation encoding='StarMath 5.0'>a over b</annotation></semantics></math>"
)

SHAPES: dict[str, tuple[bytes, str]] = {
    "bullets": (presentation(("Plan", box(DEEP))), "# Plan\n\n- first\n  - deeper"),
    "two slides": (presentation(("One", box(p("a"))), ("Two",)), "# One\n\na\n-----\n# Two"),
    "merged cells": (
        presentation(("", TABLE.format(MERGED))),
        "| wide |  | high |\n| --- | --- | --- |\n| a | b |  |\n| c | d | e |",
    ),
    "notes": (
        presentation(("Talk", NOTES.format(box(p("Breathe."), "notes")))),
        "# Talk\n\n### Notes\n\nBreathe.",
    ),
    "empty notes": (
        presentation(("Talk", NOTES.format(box(p(""), "notes") + box(p("7"), "page-number")))),
        "# Talk",
    ),
    "footer and number": (
        presentation(("Talk", box(p("Company"), "footer"), box(p("7"), "page-number"))),
        "# Talk",
    ),
    "group": (
        presentation(
            ("", f"<draw:g><draw:custom-shape>{p('inside')}</draw:custom-shape></draw:g>")
        ),
        "inside",
    ),
    "link": (
        presentation(("", box(p("<text:a xlink:href='https://a.example/b'>it</text:a>")))),
        "[it](https://a.example/b)",
    ),
    "chart": (
        with_member(presentation(("", OBJECT)), "Object 1/content.xml", CHART),
        "Sales\n\n|  | Tea |\n| --- | --- |\n| Q1 | 1.5 |",
    ),
    "formula": (
        with_member(presentation(("", OBJECT)), "Object 1/content.xml", MATH),
        "a over b",
    ),
    "a formula of OpenOffice": (
        with_member(
            presentation(("One", OBJECT)),
            "Object 1/content.xml",
            f"<!DOCTYPE math:math PUBLIC 'x' 'math.dtd'>{MATH}",
        ),
        "# One\n\na over b",
    ),
    "right to left": (presentation(("שקופית",)), "# שקופית"),
    "an empty slide": (presentation(("",)), ""),
    "no slide": (presentation(), ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_open_document_presentations_become_markdown(shape: str) -> None:
    content, expected = SHAPES[shape]
    found = read_file(content)
    assert (found.format, found.markdown) == ("odp", expected)


def test_a_slide_is_a_page_with_the_name_of_its_title() -> None:
    found = read_file(presentation(("One",), ("",)))
    assert [page["name"] for page in found.pages] == ["One", "page2"]


def test_pictures_of_a_slide_are_kept() -> None:
    def fill(document: Any) -> None:
        page = "<draw:page draw:name='One'/>"
        document.body.append(picture_in(document, page, png()))

    [page] = read_file(open_file("presentation", fill), min_points=20).pages
    assert (page["text"], page["pictures"]) == (
        "![](page_1_image_1.png)",
        ["page_1_image_1.png"],
    )


SAMPLE = presentation(("One",), ("Two",))
MANIFEST = (
    "<manifest:manifest xmlns:manifest='urn:oasis:names:tc:opendocument:xmlns:manifest:1.0'>"
    "<manifest:file-entry manifest:full-path='content.xml'><manifest:encryption-data/>"
    "</manifest:file-entry></manifest:manifest>"
)
REPEATED = CELL.format(" table:number-columns-repeated='99999'", p("a"))
BROKEN = {
    "cut off": (SAMPLE[:-200], "DOCUMENT_INVALID"),
    "no XML": (with_member(SAMPLE, "content.xml", "no XML"), "DOCUMENT_INVALID"),
    "a damaged chart": (
        with_member(presentation(("", OBJECT)), "Object 1/content.xml", CHART[:-9]),
        "DOCUMENT_INVALID",
    ),
    "entities": (
        with_member(SAMPLE, "content.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        "DOCUMENT_INVALID",
    ),
    "encrypted": (with_member(SAMPLE, "META-INF/manifest.xml", MANIFEST), "DOCUMENT_ENCRYPTED"),
    "bomb": (with_member(SAMPLE, "content.xml", bytes(9 * 2**20)), "DOCUMENT_TOO_LARGE"),
    "endless cells": (
        presentation(("", TABLE.format(f"<table:table-row>{REPEATED}</table:table-row>" * 200))),
        "DOCUMENT_TOO_LARGE",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_open_document_presentations_are_refused_with_the_reason(fault: str) -> None:
    content, code = BROKEN[fault]
    assert code_of(content) == code


def test_more_slides_than_allowed_are_refused() -> None:
    assert code_of(SAMPLE, max_pages=1) == "DOCUMENT_TOO_LARGE"
