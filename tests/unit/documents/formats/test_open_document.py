from collections.abc import Callable
from typing import Any

import odfdo
import pytest
from odfdo import Element
from support.file_reader import code_of, read_file
from support.office_samples import open_document, with_member


def headings(body: Any) -> None:
    body.append(odfdo.Header(1, "Report"))
    body.append(odfdo.Header(2, "Sales"))
    body.append(odfdo.Paragraph("They rose."))


def lists(body: Any) -> None:
    outer = odfdo.List(["apples", "pears"])
    item = odfdo.ListItem("plums")
    item.append(odfdo.List(["red"]))
    outer.append(item)
    body.append(outer)


def merged_cells(body: Any) -> None:
    table = odfdo.Table("T", width=3, height=3)
    table.set_values([["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]])
    table.set_span((0, 0, 1, 0))
    table.set_span((2, 1, 2, 2))
    body.append(table)


def nested_table(body: Any) -> None:
    body.append(
        Element.from_tag(
            "<table:table><table:table-row><table:table-cell><text:p>outer</text:p>"
            "</table:table-cell><table:table-cell><table:table><table:table-row><table:table-cell>"
            "<text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p>"
            "</table:table-cell></table:table-row></table:table></table:table-cell>"
            "</table:table-row></table:table>"
        )
    )


def blanks(body: Any) -> None:
    body.append(
        Element.from_tag(
            "<text:p>a<text:s text:c='3'/>b<text:tab/>c<text:line-break/>d\n  e</text:p>"
        )
    )


def footnote(body: Any) -> None:
    body.append(
        Element.from_tag(
            "<text:p>A claim<text:note text:note-class='footnote'><text:note-citation>1"
            "</text:note-citation><text:note-body><text:p>The proof.</text:p></text:note-body>"
            "</text:note>.</text:p>"
        )
    )


def links(body: Any) -> None:
    body.append(
        Element.from_tag(
            "<text:p>see <text:a xlink:href='https://a.example/b'>it</text:a></text:p>"
        )
    )


def changes(body: Any) -> None:
    body.append(
        Element.from_tag(
            "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p>"
            "</text:deletion></text:changed-region></text:tracked-changes>"
        )
    )
    body.append(
        Element.from_tag(
            "<text:p>kept<office:annotation><text:p>comment</text:p></office:annotation></text:p>"
        )
    )


def right_to_left(body: Any) -> None:
    body.append(odfdo.Header(1, "تقرير"))
    body.append(odfdo.Paragraph("שלום"))


def pages(body: Any) -> None:
    body.append(odfdo.Paragraph("one"))
    body.append(Element.from_tag("<text:soft-page-break/>"))
    body.append(odfdo.Paragraph("two"))


SHAPES: dict[str, tuple[Callable[[Any], object], str]] = {
    "headings": (headings, "# Report\n\n## Sales\n\nThey rose."),
    "lists": (lists, "- apples\n- pears\n- plums\n  - red"),
    "merged cells": (
        merged_cells,
        "| a |  | c |\n| --- | --- | --- |\n| d | e | f |\n| g | h |  |",
    ),
    "a table in a table": (nested_table, "| outer | a, b |\n| --- | --- |"),
    "blanks": (blanks, "a b c d e"),
    "footnote": (footnote, "A claim\\[1\\].\n\n\\[1\\] The proof."),
    "link": (links, "see [it](https://a.example/b)"),
    "deleted text and comments": (changes, "kept"),
    "right to left": (right_to_left, "# تقرير\n\nשלום"),
    "pages": (pages, "one\n-----\ntwo"),
    "empty": (lambda body: body, ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_open_document_texts_become_markdown(shape: str) -> None:
    fill, expected = SHAPES[shape]
    found = read_file(open_document("text", fill))
    assert (found.format, found.markdown) == ("odt", expected)


def slides(body: Any) -> None:
    for title in ("One", "Two"):
        page = odfdo.DrawPage(title, name=title)
        page.append(
            Element.from_tag(
                "<draw:frame presentation:class='title'><draw:text-box>"
                f"<text:p>{title}</text:p></draw:text-box></draw:frame>"
            )
        )
        page.append(
            Element.from_tag(
                "<draw:frame><draw:text-box><text:list><text:list-item><text:p>point</text:p>"
                "</text:list-item></text:list></draw:text-box></draw:frame>"
            )
        )
        body.append(page)


def test_each_slide_of_a_presentation_is_a_page() -> None:
    found = read_file(open_document("presentation", slides))
    assert found.format == "odp"
    assert found.markdown == "# One\n\n- point\n-----\n# Two\n\n- point"
    assert [page["name"] for page in found.pages] == ["One", "Two"]


SAMPLE = open_document("text", headings)
MANIFEST = (
    "<manifest:manifest xmlns:manifest='urn:oasis:names:tc:opendocument:xmlns:manifest:1.0'>"
    "<manifest:file-entry manifest:full-path='content.xml'><manifest:encryption-data/>"
    "</manifest:file-entry></manifest:manifest>"
)
BROKEN = {
    "cut off": (SAMPLE[:-200], "DOCUMENT_INVALID"),
    "no XML": (with_member(SAMPLE, "content.xml", "no XML"), "DOCUMENT_INVALID"),
    "entities": (
        with_member(SAMPLE, "content.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        "DOCUMENT_INVALID",
    ),
    "encrypted": (with_member(SAMPLE, "META-INF/manifest.xml", MANIFEST), "DOCUMENT_ENCRYPTED"),
    "bomb": (with_member(SAMPLE, "content.xml", bytes(9 * 2**20)), "DOCUMENT_TOO_LARGE"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_open_documents_are_refused_with_the_reason(fault: str) -> None:
    content, code = BROKEN[fault]
    assert code_of(content) == code


def test_cells_that_repeat_endlessly_are_refused() -> None:
    def fill(body: Any) -> None:
        repeats = "table:number-columns-repeated='99999'"
        cell = f"<table:table-cell {repeats}><text:p>a</text:p></table:table-cell>"
        rows = f"<table:table-row>{cell}</table:table-row>" * 200
        body.append(Element.from_tag(f"<table:table>{rows}</table:table>"))

    assert code_of(open_document("text", fill)) == "DOCUMENT_TOO_LARGE"
