"""Files that the real LibreOffice writes: old office files, and OpenDocument files."""

from __future__ import annotations

import io
from typing import Any

import pytest
from support.document_harness import DocumentHarness, documents_of
from support.format_samples import SAMPLES, WORD, mail
from support.office_samples import add_chart, add_slide_table, png, slides, word
from support.old_office_samples import NEWER, converted

pytestmark = pytest.mark.drill


def report(document: Any) -> None:
    document.add_heading("Annual report", 0)
    document.add_heading("Sales", 1)
    document.add_paragraph("apples", style="List Bullet")
    document.add_paragraph("first", style="List Number")
    table = document.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 0).text, table.cell(1, 1).text = "a", "b"
    document.add_picture(io.BytesIO(png()))
    document.add_paragraph("דג")
    document.add_paragraph("second page").paragraph_format.page_break_before = True


def talk(presentation: Any) -> None:
    first = presentation.slides.add_slide(presentation.slide_layouts[1])
    first.shapes.title.text = "Plan"
    frame = first.placeholders[1].text_frame
    frame.text = "first"
    deeper = frame.add_paragraph()
    deeper.text, deeper.level = "deeper", 1
    first.notes_slide.notes_text_frame.text = "Breathe."
    second = presentation.slides.add_slide(presentation.slide_layouts[6])
    table = add_slide_table(second, 2, 2)
    table.cell(0, 1).text = ""
    table.cell(0, 0).merge(table.cell(0, 1))
    add_chart(second)
    box = second.shapes.add_group_shape().shapes.add_textbox(0, 0, 9, 9)
    box.text_frame.text = "in a group"


@pytest.mark.parametrize("kind", ["docx", "odt", "rtf", "doc"])
async def test_a_text_that_libre_office_wrote_is_read(
    documents: DocumentHarness, kind: str
) -> None:
    content = await converted(word(report), kind)
    recorder = await documents.read(
        content, output=["markdown", "html"], pictures={"min_points": 20}
    )
    [document] = documents_of(recorder)
    first, second = (page["text"] for page in document["text_contents"])
    assert document["format"] == kind
    assert first == (
        "# Annual report\n\n# Sales\n\n- apples\n1. first\n\n"
        "| wide |  |\n| --- | --- |\n| a | b |\n\n![](page_1_image_1.png)\n\nדג"
    )
    assert second == "second page"
    assert b'colspan="2">wide<' in recorder.files["document.html"][0]


@pytest.mark.parametrize("kind", ["pptx", "odp", "ppt"])
async def test_a_presentation_that_libre_office_wrote_is_read(
    documents: DocumentHarness, kind: str
) -> None:
    content = await converted(slides(talk), kind)
    recorder = await documents.read(content, output=["markdown", "html"])
    [document] = documents_of(recorder)
    first, second = (page["text"] for page in document["text_contents"])
    assert document["format"] == kind
    assert first == "# Plan\n\n- first\n  - deeper\n\n### Notes\n\nBreathe."
    assert "| 00 |  |\n| --- | --- |\n| 10 | 11 |" in second
    assert "|  | Sales |\n| --- | --- |\n| Q1 | 1.5 |\n| Q2 | 2 |" in second
    assert "in a group" in second
    assert b'colspan="2">00<' in recorder.files["document.html"][0]


@pytest.mark.parametrize("kind", NEWER)
async def test_an_old_office_file_is_read(documents: DocumentHarness, kind: str) -> None:
    content = await converted(SAMPLES[NEWER[kind]](), kind)
    recorder = await documents.read(content, output=["markdown", "json"])
    [document] = documents_of(recorder)
    assert (document["format"], document["size"]) == (kind, len(content))
    assert WORD in document["extracted_text"]
    inside = await documents.read(mail((f"a.{kind}", content)))
    assert [one["format"] for one in documents_of(inside)] == ["eml", kind]


@pytest.mark.parametrize("kind", NEWER)
async def test_a_damaged_old_office_file_ends_with_a_code(
    documents: DocumentHarness, kind: str
) -> None:
    content = io.BytesIO(await converted(SAMPLES[NEWER[kind]](), kind))
    content.seek(600)
    content.write(bytes(range(256)) * 12)
    # In a mail the fault of an attachment is a part of the result.
    recorder = await documents.read(mail(("a.old", content.getvalue())))
    _, attachment = documents_of(recorder)
    code = attachment.get("error", {}).get("code")
    assert code in (None, "DOCUMENT_INVALID", "PARSER_CRASHED", "UNSUPPORTED_MEDIA")
