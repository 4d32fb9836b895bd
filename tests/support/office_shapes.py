"""Fills Word documents and presentations with shapes that readers often get wrong."""

from __future__ import annotations

from typing import Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from support.office_samples import add_slide_table

TITLE_AND_BODY, TITLE_ONLY, BLANK = 1, 5, 6
"""The layouts of slides."""


def word_merged_cells(document: Any) -> None:
    """Add a table with a wide and a high cell."""
    table = document.add_table(3, 3)
    for row in range(3):
        for column in range(3):
            table.cell(row, column).text = f"{row}{column}"
    table.cell(0, 1).merge(table.cell(0, 2)).text = "wide"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "high"


def word_table_in_a_table(document: Any) -> None:
    """Add a table with a table in its second cell."""
    table = document.add_table(1, 2)
    table.cell(0, 0).text = "outer"
    inner = table.cell(0, 1).add_table(2, 2)
    for place, text in enumerate("abcd"):
        inner.cell(place // 2, place % 2).text = text


def word_right_to_left(document: Any) -> None:
    """Add a Hebrew heading and an Arabic paragraph."""
    document.add_heading("דוח שנתי", 1)
    paragraph = document.add_paragraph()
    properties = paragraph._p.get_or_add_pPr()
    properties.append(OxmlElement("w:bidi"))
    paragraph.add_run("مرحبا بالعالم")


def word_link(document: Any) -> None:
    """Add a paragraph with a link."""
    paragraph = document.add_paragraph("see ")
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
    target = document.part.relate_to("https://example.org/a", kind, is_external=True)
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), target)
    run = paragraph.add_run("this page")
    link.append(run._r)
    paragraph._p.append(link)


def slide(presentation: Any, layout: int, title: str = "") -> Any:
    """Add a slide of *layout* with *title*, and return it."""
    made = presentation.slides.add_slide(presentation.slide_layouts[layout])
    if title:
        made.shapes.title.text = title
    return made


def slide_notes(presentation: Any) -> None:
    """Add a slide with the speaker's notes."""
    made = slide(presentation, TITLE_ONLY, "Talk")
    made.notes_slide.notes_text_frame.text = "Breathe."


def slide_merged_cells(presentation: Any) -> None:
    """Add a table with a wide and a high cell."""
    table = add_slide_table(slide(presentation, BLANK), 3, 3)
    table.cell(0, 0).merge(table.cell(0, 1))
    table.cell(1, 2).merge(table.cell(2, 2))
    table.cell(0, 1).text = table.cell(2, 2).text = ""


def slide_group(presentation: Any) -> None:
    """Add a group of shapes with a text box."""
    shapes = slide(presentation, BLANK).shapes
    box = shapes.add_group_shape().shapes.add_textbox(0, 0, 9, 9)
    box.text_frame.text = "inside"


def slide_link(presentation: Any) -> None:
    """Add a text box with a link."""
    frame = slide(presentation, BLANK).shapes.add_textbox(0, 0, 9, 9).text_frame
    run = frame.paragraphs[0].add_run()
    run.text, run.hyperlink.address = "site", "https://example.org"


def slide_right_to_left(presentation: Any) -> None:
    """Add a slide with a Hebrew title."""
    slide(presentation, TITLE_ONLY, "שקופית")
