"""Pictures on pages that are shown turned: they are found, and recognised, where they stand."""

from __future__ import annotations

import pymupdf
import pytest

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.layout.picture import kept_pictures_on, pictures_on
from secretary_documents.pdf.mupdf.page import drawing_stats
from secretary_documents.pdf.ocr.recogniser import Recogniser
from secretary_documents.pdf.ocr_options import OcrOptions, make_ocr_options
from secretary_documents.pdf.page_entry import shown_on

LOW = pymupdf.Rect(100, 620, 400, 720)
"""A place that is below the lower edge of a page of A4 on its side."""
TURNS = [0, 90, 180, 270]


def box_of(place: pymupdf.Rect) -> Box:
    return Box(place.x0, place.y0, place.x1, place.y1)


def page_with_picture(place: pymupdf.Rect, *, turned: int, upright: bool) -> pymupdf.Page:
    """Return a page with the word "Revenue" in a picture.

    Args:
        place: where the picture is on the page without its turn.
        turned: the turn of the page, in degrees.
        upright: whether the picture is upright when the page is shown; else without the turn.
    """
    with pymupdf.open() as drawn:
        drawn.new_page(width=300, height=100).insert_text((40, 60), "Revenue 2025", fontsize=24)
        picture = drawn[0].get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
    page = pymupdf.open().new_page(width=595, height=842)
    page.insert_image(place, pixmap=picture, rotate=turned if upright else 0)
    page.set_rotation(turned)
    return page


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("turned", TURNS)
def test_a_picture_on_a_turned_page_is_recognised_whole(turned: int, *, upright: bool) -> None:
    sideways = upright and turned % 180
    place = pymupdf.Rect(100, 500, 200, 800) if sideways else LOW
    page = page_with_picture(place, turned=turned, upright=upright)
    [found] = pictures_on(page)
    assert found == pytest.approx(box_of(place), abs=1)
    options = OcrOptions.of(make_ocr_options(["eng"], None, engine="tesseract").request())
    shown = shown_on(page, found)
    lines = list(Recogniser(options, 40_000_000).read_picture(page, shown).lines)
    assert [line.text for line in lines] == ["Revenue 2025"]
    assert shown.wider(1).holds(lines[0].box.middle)


@pytest.mark.parametrize("turned", TURNS)
def test_the_file_of_a_picture_on_a_turned_page_has_the_whole_picture(turned: int) -> None:
    page = page_with_picture(LOW, turned=turned, upright=False)
    [kept] = kept_pictures_on(page, 20)
    assert kept.box == pytest.approx(box_of(LOW), abs=1)


@pytest.mark.parametrize("turned", TURNS)
def test_a_picture_that_fills_a_turned_page_covers_it(turned: int) -> None:
    whole = pymupdf.Rect(0, 0, 595, 842)
    page = pymupdf.open().new_page(width=595, height=842)
    page.insert_image(
        whole, pixmap=pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 10, 10)), keep_proportion=False
    )
    page.set_rotation(turned)
    assert drawing_stats(page).image_cover == pytest.approx(1, abs=0.01)


def test_pictures_side_by_side_are_in_order_from_the_left_row_by_row() -> None:
    pixels = pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 80, 80))
    left, right, below = (72, 104, 172, 200), (200, 100, 300, 204), (72, 300, 172, 400)
    with pymupdf.open() as document:
        page = document.new_page()
        for place in (below, right, left):
            page.insert_image(place, pixmap=pixels, keep_proportion=False)
        found = [tuple(map(round, one.box)) for one in kept_pictures_on(page, 20)]
    assert found == [left, right, below]
