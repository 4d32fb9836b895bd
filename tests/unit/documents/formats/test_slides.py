import io
from collections.abc import Callable
from typing import Any

import pytest
from pptx.oxml.ns import qn
from support.file_reader import code_of, read_file
from support.office_samples import (
    add_chart,
    encrypted,
    noisy_png,
    png,
    slides,
    with_member,
)
from support.office_shapes import (
    BLANK,
    TITLE_AND_BODY,
    TITLE_ONLY,
    slide,
    slide_group,
    slide_link,
    slide_merged_cells,
    slide_notes,
    slide_right_to_left,
)


def bullets(presentation: Any) -> None:
    made = slide(presentation, TITLE_AND_BODY, "Plan")
    frame = made.placeholders[1].text_frame
    frame.text = "first"
    deeper = frame.add_paragraph()
    deeper.text, deeper.level = "deeper", 1


def numbers(presentation: Any) -> None:
    made = slide(presentation, TITLE_AND_BODY, "Plan")
    frame = made.placeholders[1].text_frame
    for text, level, start in (("a", 0, 3), ("deep", 1, 1), ("dot", 1, 0), ("b", 0, 3)):
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
        if start:
            number = paragraph._p.get_or_add_pPr().makeelement(qn("a:buAutoNum"))
            number.set("startAt", str(start))
            paragraph._p.pPr.append(number)


def letters(presentation: Any) -> None:
    shapes = slide(presentation, BLANK).shapes
    for kind in ("alphaLcParenR", "romanUcPeriod", "arabicParenBoth", "alphaUcPeriod"):
        paragraph = shapes.add_textbox(0, 0, 9, 9).text_frame.paragraphs[0]
        paragraph.text = kind
        number = paragraph._p.get_or_add_pPr().makeelement(qn("a:buAutoNum"))
        number.set("type", kind)
        number.set("startAt", "4")
        paragraph._p.pPr.append(number)


def two_slides(presentation: Any) -> None:
    slide(presentation, TITLE_ONLY, "One")
    slide(presentation, TITLE_ONLY, "Two")


def chart(presentation: Any) -> None:
    add_chart(slide(presentation, BLANK))


SHAPES: dict[str, tuple[Callable[[Any], object], str]] = {
    "bullets": (bullets, "# Plan\n\n- first\n  - deeper"),
    "numbers": (numbers, "# Plan\n\n3. a\n   1. deep\n   - dot\n4. b"),
    "letters": (
        letters,
        "- d) alphaLcParenR\n- IV. romanUcPeriod\n4. arabicParenBoth\n- D. alphaUcPeriod",
    ),
    "two slides": (two_slides, "# One\n-----\n# Two"),
    "notes": (slide_notes, "# Talk\n\n### Notes\n\nBreathe."),
    "merged cells": (
        slide_merged_cells,
        "| 00 01 |  | 02 |\n| --- | --- | --- |\n| 10 | 11 | 12 22 |\n| 20 | 21 |  |",
    ),
    "chart": (chart, "|  | Sales |\n| --- | --- |\n| Q1 | 1.5 |\n| Q2 | 2 |"),
    "group": (slide_group, "inside"),
    "link": (slide_link, "[site](https://example.org)"),
    "right to left": (slide_right_to_left, "# שקופית"),
    "empty": (lambda presentation: slide(presentation, BLANK), ""),
    "no slide": (lambda presentation: presentation, ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_presentations_become_markdown(shape: str) -> None:
    fill, expected = SHAPES[shape]
    found = read_file(slides(fill))
    assert (found.format, found.markdown) == ("pptx", expected)


def test_a_slide_is_a_page_with_the_name_of_its_title() -> None:
    assert [page["name"] for page in read_file(slides(two_slides)).pages] == ["One", "Two"]


def test_pictures_of_a_slide_are_kept() -> None:
    def fill(presentation: Any) -> None:
        slide(presentation, BLANK).shapes.add_picture(io.BytesIO(png()), 0, 0)

    [page] = read_file(slides(fill), min_points=20).pages
    assert page["pictures"] == ["page_1_image_1.png"]
    assert "![](page_1_image_1.png)" in page["text"]


def test_a_picture_on_many_slides_counts_once_against_the_limit_of_bytes() -> None:
    def fill(presentation: Any) -> None:
        for _ in range(20):
            slide(presentation, BLANK).shapes.add_picture(io.BytesIO(picture), 0, 0)

    picture = noisy_png()
    assert len(read_file(slides(fill), min_points=20, max_unpacked_bytes=2**20).pages) == 20


SAMPLE = slides(two_slides)
BROKEN = {
    "cut off": (SAMPLE[:-300], "DOCUMENT_INVALID"),
    "encrypted": (encrypted(SAMPLE), "DOCUMENT_ENCRYPTED"),
    "entities": (
        with_member(SAMPLE, "ppt/presentation.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        "DOCUMENT_INVALID",
    ),
    "bomb": (with_member(SAMPLE, "ppt/slides/slide1.xml", bytes(9 * 2**20)), "DOCUMENT_TOO_LARGE"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_presentations_are_refused_with_the_reason(fault: str) -> None:
    content, code = BROKEN[fault]
    assert code_of(content) == code


def test_more_slides_than_allowed_are_refused() -> None:
    assert code_of(SAMPLE, max_pages=1) == "DOCUMENT_TOO_LARGE"
