import io
from collections.abc import Callable
from typing import Any

import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_BREAK
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from support.file_reader import code_of, read_file
from support.office_samples import (
    add_footnote,
    add_word_chart,
    deleted_run,
    encrypted,
    png,
    text_box,
    with_member,
    word,
    zipped,
)
from support.office_shapes import (
    word_link,
    word_merged_cells,
    word_right_to_left,
    word_table_in_a_table,
)


def headings(document: Any) -> None:
    document.add_heading("Annual report", 0)
    document.add_heading("Sales", 1)
    document.add_heading("Europe", 2)
    document.add_paragraph("They rose.")


def lists(document: Any) -> None:
    for text, style in (
        ("apples", "List Bullet"),
        ("red ones", "List Bullet 2"),
        ("first", "List Number"),
        ("second", "List Number"),
    ):
        document.add_paragraph(text, style=style)


def changes(document: Any) -> None:
    paragraph = document.add_paragraph("kept ")
    paragraph._p.append(deleted_run("gone"))
    hidden = paragraph.add_run("hidden")
    hidden.font.hidden = True
    document.styles.add_style("Hidden", WD_STYLE_TYPE.CHARACTER).font.hidden = True
    paragraph.add_run("by its style", style="Hidden")
    paragraph.add_run("shown ", style="Hidden").font.hidden = False
    paragraph.add_run("end")


def boxes(document: Any) -> None:
    document.add_paragraph("before")._p.append(text_box("in the box"))


def code_and_caption(document: Any) -> None:
    document.styles.add_style("Source Code", 1)
    document.add_paragraph("def f():", style="Source Code")
    document.add_paragraph("    return 1", style="Source Code")
    document.add_paragraph("Figure 1: nothing", style="Caption")


def numbers_again(document: Any) -> None:
    """A list, and another list of the same kind that starts at 1 and later goes on."""
    numbering = document.part.numbering_part.element
    number = document.styles["List Number"].element.pPr.numPr.numId.val
    abstract = numbering.num_having_numId(number).abstractNumId.val
    again = numbering.add_num(abstract)
    again.add_lvlOverride(0).add_startOverride(1)
    for text, is_again in (("a", False), ("b", False), ("c", True), ("d", True)):
        paragraph = document.add_paragraph(text, style="List Number")
        if is_again:
            paragraph._p.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = again.numId


def box_in_a_cell(document: Any) -> None:
    cell = document.add_table(1, 1).cell(0, 0)
    cell.text = "cell"
    cell.paragraphs[0]._p.append(text_box("in the box"))


def link_fields(document: Any) -> None:
    paragraph = document.add_paragraph("see ")
    for kind, instruction, text in (
        ("begin", "", ""),
        ("", ' HYPERLINK "https://a.exam', ""),
        ("", 'ple/b" \\o "tip"', ""),
        ("separate", "", ""),
        ("", "", "this page"),
        ("end", "", ""),
    ):
        run = paragraph.add_run(text)._r
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run.append(mark)
        elif instruction:
            written = OxmlElement("w:instrText")
            written.text = instruction
            run.append(written)
    paragraph.add_run(" and ")
    simple = OxmlElement("w:fldSimple")
    simple.set(qn("w:instr"), 'HYPERLINK "https://a.example/c"')
    simple.append(document.add_paragraph().add_run("that")._r)
    paragraph._p.append(simple)


def symbols(document: Any) -> None:
    paragraph = document.add_paragraph("a")
    for code in ("F0FE", "2713", "D800", "110000", "x"):
        symbol = OxmlElement("w:sym")
        symbol.set(qn("w:char"), code)
        paragraph.add_run()._r.append(symbol)


def nothing(document: Any) -> None:
    document.add_paragraph("")


SHAPES: dict[str, tuple[Callable[[Any], object], str]] = {
    "headings": (headings, "# Annual report\n\n# Sales\n\n## Europe\n\nThey rose."),
    "lists": (lists, "- apples\n  - red ones\n1. first\n2. second"),
    "numbers that start again": (numbers_again, "1. a\n2. b\n1. c\n2. d"),
    "a text box in a cell": (box_in_a_cell, "| cell |\n| --- |\n\nin the box"),
    "merged cells": (
        word_merged_cells,
        "| 00 | wide |  |\n| --- | --- | --- |\n| high | 11 | 12 |\n|  | 21 | 22 |",
    ),
    "a table in a table": (word_table_in_a_table, "| outer | a, b; c, d |\n| --- | --- |"),
    "right to left": (word_right_to_left, "# דוח שנתי\n\nمرحبا بالعالم"),
    "deleted and hidden text": (changes, "kept shown end"),
    "text box": (boxes, "before\n\nin the box"),
    "links that are fields": (
        link_fields,
        "see [this page](https://a.example/b) and [that](https://a.example/c)",
    ),
    "symbols, also impossible ones": (symbols, "a☒✓"),
    "link": (word_link, "see [this page](https://example.org/a)"),
    "code": (code_and_caption, "```\ndef f():\n    return 1\n```\n\nFigure 1: nothing"),
    "empty": (nothing, ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_word_documents_become_markdown(shape: str) -> None:
    fill, expected = SHAPES[shape]
    found = read_file(word(fill))
    assert (found.format, found.markdown) == ("docx", expected)


def test_a_footnote_stands_at_the_end_of_the_page_with_its_mark() -> None:
    content = word(lambda document: document.add_paragraph("A claim"))
    found = read_file(add_footnote(content, "The proof."))
    assert found.markdown == "A claim\\[1\\]\n\n\\[1\\] The proof."


def test_a_link_in_a_footnote_keeps_its_address() -> None:
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    link = (
        f"see </w:t></w:r><w:hyperlink xmlns:r='{kinds}' r:id='rId1'><w:r><w:t>it</w:t></w:r>"
        "</w:hyperlink><w:r><w:t>"
    )
    targets = (
        "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
        f"<Relationship Id='rId1' Type='{kinds}/hyperlink' Target='https://a.example/b' "
        "TargetMode='External'/></Relationships>"
    )
    content = add_footnote(word(lambda document: document.add_paragraph("A claim")), link)
    content = with_member(content, "word/_rels/footnotes.xml.rels", targets)
    assert read_file(content).markdown.endswith("\\[1\\] see [it](https://a.example/b)")


def test_pages_start_where_the_file_marks_them() -> None:
    def fill(document: Any) -> None:
        document.add_paragraph("one")
        document.add_page_break()
        document.add_paragraph("two").add_run().add_break(WD_BREAK.PAGE)
        document.add_paragraph("three")

    assert [page["text"] for page in read_file(word(fill)).pages] == ["one", "two", "three"]


def test_headers_are_left_out_unless_they_are_kept() -> None:
    def fill(document: Any) -> None:
        head = document.sections[0].header.paragraphs[0]
        head.text = "Company"
        head._p.append(text_box("Munich"))
        document.add_paragraph("text")

    content = word(fill)
    assert read_file(content).markdown == "text"
    assert read_file(content, keep_headers=True).markdown == "Company\n\nMunich\n\ntext"


def test_pictures_are_kept_where_they_stand() -> None:
    def fill(document: Any) -> None:
        document.add_paragraph("before")
        document.add_picture(io.BytesIO(png()))

    [page] = read_file(word(fill), min_points=20).pages
    assert page["text"] == "before\n\n![](page_1_image_1.png)"
    assert page["pictures"] == ["page_1_image_1.png"]
    assert read_file(word(fill)).markdown == "before"
    assert read_file(word(fill), min_points=1000).markdown == "before"


def test_a_damaged_picture_is_left_out_and_the_text_is_read() -> None:
    def fill(document: Any) -> None:
        document.add_paragraph("before")
        document.add_picture(io.BytesIO(png()))

    content = bytearray(word(fill))
    entry = content.rindex(b"word/media/image1.png") - 46
    content[entry + 16] ^= 0xFF  # of its checksum
    assert read_file(bytes(content), min_points=20).markdown == "before"


def test_a_picture_in_a_text_box_is_kept_once() -> None:
    def fill(document: Any) -> None:
        box = text_box("the caption")
        document.add_paragraph("before")._p.append(box)
        document.add_picture(io.BytesIO(png()))
        drawn = document.paragraphs[-1]._p
        box.find(f".//{qn('w:txbxContent')}").insert(0, drawn)

    [page] = read_file(word(fill), min_points=20).pages
    assert page["text"] == "before\n\n![](page_1_image_1.png)\n\nthe caption"


def test_the_values_of_a_chart_are_a_table() -> None:
    content = word(lambda document: add_word_chart(document.add_paragraph("before")))
    expected = "before\n\n|  | Sales |\n| --- | --- |\n| Q1 | 1.5 |\n| Q2 | 2 |"
    assert read_file(content).markdown == expected


def test_the_title_and_the_author_come_from_the_properties() -> None:
    def fill(document: Any) -> None:
        document.core_properties.title = "Report"
        document.core_properties.author = "Ada"

    found = read_file(word(fill))
    assert (found.title, found.author) == ("Report", "Ada")


SAMPLE = word(headings)
ENTITY = "<!DOCTYPE w [<!ENTITY a 'aaaaaaaa'>]><w:document xmlns:w='urn:w'>&a;</w:document>"
EXTERNAL = "<!DOCTYPE w [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><w>&a;</w>"

BROKEN = {
    "cut off": (SAMPLE[: len(SAMPLE) // 2], "DOCUMENT_INVALID"),
    "no XML": (with_member(SAMPLE, "word/document.xml", "<w:document"), "DOCUMENT_INVALID"),
    "entities": (with_member(SAMPLE, "word/document.xml", ENTITY), "DOCUMENT_INVALID"),
    "external entity": (with_member(SAMPLE, "word/styles.xml", EXTERNAL), "DOCUMENT_INVALID"),
    "encrypted": (encrypted(SAMPLE), "DOCUMENT_ENCRYPTED"),
    "bomb": (with_member(SAMPLE, "word/document.xml", bytes(9 * 2**20)), "DOCUMENT_TOO_LARGE"),
    "many members": (
        with_member(zipped({f"{n}": "" for n in range(300)}), "[Content_Types].xml", "")
        and zipped(
            {"[Content_Types].xml": "wordprocessingml.document.main"}
            | {f"{n}": "" for n in range(300)}
        ),
        "DOCUMENT_TOO_LARGE",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_word_documents_are_refused_with_the_reason(fault: str) -> None:
    content, code = BROKEN[fault]
    assert code_of(content) == code


def test_deeply_nested_elements_are_refused() -> None:
    deep = "<w:sdtContent>" * 5000 + "</w:sdtContent>" * 5000
    body = f"<w:document xmlns:w='urn:w'><w:body>{deep}</w:body></w:document>"
    assert code_of(with_member(SAMPLE, "word/document.xml", body)) == "DOCUMENT_INVALID"
