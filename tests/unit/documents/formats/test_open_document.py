from collections.abc import Callable
from typing import Any

import odfdo
import pytest
from odfdo import Element
from support.file_reader import code_of, read_file
from support.office_samples import open_document, open_file, picture_in, png, with_member


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


def numbers(body: Any) -> None:
    level = "<text:list-level-style-number/>"
    body.append(Element.from_tag(f"<text:list-style style:name='N'>{level}</text:list-style>"))
    head = "<text:list-header><text:p>Steps</text:p></text:list-header>"
    long = "<text:list-item><text:p>a</text:p><text:p>more</text:p></text:list-item>"
    later = "<text:list-item text:start-value='7'><text:p>d</text:p></text:list-item>"
    heading = "<text:list-item><text:h text:outline-level='2'>e</text:h></text:list-item>"
    for attributes, items in (
        ("xml:id='first'", f"{head}{long}{list_item('b')}"),
        ("text:continue-numbering='true'", list_item("c")),
        ("", list_item("other")),
        ("text:continue-list='first'", f"{list_item('c')}{later}{heading}"),
    ):
        tag = f"<text:list text:style-name='N' {attributes}>{items}</text:list>"
        body.append(Element.from_tag(tag))


def list_item(text: str) -> str:
    return f"<text:list-item><text:p>{text}</text:p></text:list-item>"


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


def text_in_a_shape(body: Any) -> None:
    body.append(
        Element.from_tag(
            "<text:p>before<draw:custom-shape><text:p>in the shape</text:p></draw:custom-shape>"
            "<draw:frame><draw:text-box><text:p>in the box<draw:frame><draw:text-box><text:p>deep"
            "</text:p></draw:text-box></draw:frame></text:p></draw:text-box></draw:frame> after"
            "</text:p>"
        )
    )


def kinds_of_numbers(body: Any) -> None:
    levels = (
        "<text:list-level-style-number text:level='1' style:num-format='a' style:num-suffix=')'"
        " text:start-value='3'/><text:list-level-style-bullet text:level='2'/>"
        "<text:list-level-style-number text:level='3' style:num-format='1'/>"
        "<text:list-level-style-number text:level='4' style:num-format=''/>"
    )
    body.append(Element.from_tag(f"<text:list-style style:name='K'>{levels}</text:list-style>"))
    items = ""
    for text in ("none", "number", "dot", "letter"):
        inner = f"<text:list>{items}</text:list>" if items else ""
        items = f"<text:list-item><text:p>{text}</text:p>{inner}</text:list-item>"
    body.append(Element.from_tag(f"<text:list text:style-name='K'>{items}</text:list>"))


def drawn_in_a_cell(body: Any) -> None:
    note = "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>The proof."
    box = "<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>"
    body.append(
        Element.from_tag(
            f"<table:table><table:table-row><table:table-cell><text:p>a{note}</text:p>"
            f"</text:note-body></text:note>{box}</text:p></table:table-cell></table:table-row>"
            "</table:table>"
        )
    )


def note_in_a_box(body: Any) -> None:
    note = "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>The proof."
    body.append(
        Element.from_tag(
            f"<text:p>a<draw:frame><draw:text-box><text:p>boxed{note}</text:p></text:note-body>"
            "</text:note></text:p></draw:text-box></draw:frame></text:p>"
        )
    )


def indexes(body: Any) -> None:
    for kind in ("table-index", "object-index", "user-index"):
        index = f"<text:index-body><text:p>of a {kind}</text:p></text:index-body>"
        body.append(Element.from_tag(f"<text:{kind}>{index}</text:{kind}>"))
    numbered = "<text:numbered-paragraph><text:p>numbered</text:p></text:numbered-paragraph>"
    body.append(Element.from_tag(numbered))


def fields_and_readings(body: Any) -> None:
    body.append(
        Element.from_tag(
            "<text:p><text:title>The title</text:title> of <text:ruby><text:ruby-base>漢字"
            "</text:ruby-base><text:ruby-text>かんじ</text:ruby-text></text:ruby></text:p>"
        )
    )


def group_of_shapes(body: Any) -> None:
    shapes = "".join(
        f"<draw:{kind}><text:p>{kind}</text:p></draw:{kind}>"
        for kind in ("path", "polyline", "regular-polygon", "caption", "measure")
    )
    group = f"<draw:g><svg:title>read aloud</svg:title>{shapes}</draw:g>"
    body.append(Element.from_tag(f"<text:p>before{group} after</text:p>"))


def pages(body: Any) -> None:
    body.append(odfdo.Paragraph("one"))
    body.append(Element.from_tag("<text:soft-page-break/>"))
    body.append(odfdo.Paragraph("two"))


SHAPES: dict[str, tuple[Callable[[Any], object], str]] = {
    "headings": (headings, "# Report\n\n## Sales\n\nThey rose."),
    "lists": (lists, "- apples\n- pears\n- plums\n  - red"),
    "numbers": (numbers, "Steps\n\n1. a\n\nmore\n\n2. b\n3. c\n1. other\n3. c\n7. d\n\n## 8. e"),
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
    "text in shapes": (text_in_a_shape, "before after\n\nin the shape\n\nin the box\n\ndeep"),
    "kinds of numbers": (
        kinds_of_numbers,
        "- c) letter\n  - dot\n    1. number\n       - none",
    ),
    "what is drawn in a cell": (
        drawn_in_a_cell,
        "| a\\[1\\] |\n| --- |\n\nboxed\n\n\\[1\\] The proof.",
    ),
    "a note in a text box": (note_in_a_box, "a\n\nboxed\\[1\\]\n\n\\[1\\] The proof."),
    "indexes": (
        indexes,
        "of a table-index\n\nof a object-index\n\nof a user-index\n\nnumbered",
    ),
    "fields and readings": (fields_and_readings, "The title of 漢字"),
    "a group of shapes": (
        group_of_shapes,
        "before after\n\npath\n\npolyline\n\nregular-polygon\n\ncaption\n\nmeasure",
    ),
    "pages": (pages, "one\n-----\ntwo"),
    "empty": (lambda body: body, ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_open_document_texts_become_markdown(shape: str) -> None:
    fill, expected = SHAPES[shape]
    found = read_file(open_document("text", fill))
    assert (found.format, found.markdown) == ("odt", expected)


def test_a_page_starts_where_the_style_of_a_paragraph_says_so() -> None:
    def fill(document: Any) -> None:
        for name, place in (("Before", "break-before"), ("After", "break-after")):
            style = f"<style:style style:name='{name}' style:family='paragraph'/>"
            properties = f"<style:paragraph-properties fo:{place}='page'/>"
            made = Element.from_tag(style)
            made.append(Element.from_tag(properties))
            document.insert_style(made, automatic=True)
        for text, name in (("one", "Before"), ("two", "Before"), ("three", "After"), ("four", "")):
            document.body.append(odfdo.Paragraph(text, style=name or None))

    pages = read_file(open_file("text", fill)).pages
    assert [page["text"] for page in pages] == ["one", "two\n\nthree", "four"]


def test_hidden_text_is_left_out() -> None:
    def fill(document: Any) -> None:
        for family in ("text", "paragraph"):
            style = f"<style:style style:name='H{family}' style:family='{family}'/>"
            made = Element.from_tag(style)
            made.append(Element.from_tag("<style:text-properties text:display='none'/>"))
            document.insert_style(made, automatic=True)
        for tag in (
            "<text:p>a <text:span text:style-name='Htext'>gone</text:span>b</text:p>",
            "<text:p text:style-name='Hparagraph'>gone</text:p>",
            "<text:section text:display='none'><text:p>gone</text:p></text:section>",
            "<text:section text:display='true'><text:p>c</text:p></text:section>",
        ):
            document.body.append(Element.from_tag(tag))

    assert read_file(open_file("text", fill)).markdown == "a b\n\nc"


def test_a_picture_in_a_cell_is_kept_after_the_table() -> None:
    def fill(document: Any) -> None:
        cell = "<table:table-cell><text:p>a</text:p></table:table-cell>"
        row, table = (Element.from_tag(f"<table:{one}/>") for one in ("table-row", "table"))
        row.append(picture_in(document, cell, png()))
        table.append(row)
        document.body.append(table)

    [page] = read_file(open_file("text", fill), min_points=20).pages
    assert page["text"] == "| a |\n| --- |\n\n![](page_1_image_1.png)"


def test_pictures_of_a_text_are_kept_where_they_stand() -> None:
    def fill(document: Any) -> None:
        document.body.append(picture_in(document, "<text:p>before</text:p>", png()))

    [page] = read_file(open_file("text", fill), min_points=20).pages
    assert page["text"] == "before\n\n![](page_1_image_1.png)"
    assert page["pictures"] == ["page_1_image_1.png"]
    assert read_file(open_file("text", fill)).markdown == "before"


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
