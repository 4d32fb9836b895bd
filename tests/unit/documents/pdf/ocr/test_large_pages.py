"""The picture of a large page has fewer dots per inch, and its words keep their places."""

from __future__ import annotations

import pymupdf
import pytest

from secretary_common.errors import PermanentError
from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.ocr.picture import draw
from secretary_documents.pdf.ocr.recogniser import Recogniser
from secretary_documents.pdf.ocr_options import make_ocr_options

MOST_PIXELS = 40_000_000
POSTER = (24 * 72, 36 * 72)
PLACES = {"Upper": (150, 300), "Middle": (700, 1300), "Lower": (1200, 2450)}


def poster(width: float, height: float) -> pymupdf.Document:
    document = pymupdf.open()
    document.new_page(width=width, height=height)
    return document


@pytest.mark.parametrize("turned", [0, 90])
def test_the_picture_of_a_poster_has_at_most_20_megapixels(turned: int) -> None:
    with poster(*POSTER) as document:
        picture = draw(document[0], MOST_PIXELS, turned=turned)
        box = picture.box(0, 0, picture.width, picture.height)
        assert 19_000_000 < picture.width * picture.height <= 20_000_000
        assert box == pytest.approx((0, 0, *POSTER), abs=1)


def test_a_small_part_of_a_large_page_keeps_its_resolution() -> None:
    with poster(*POSTER) as document:
        part = draw(document[0], MOST_PIXELS, Box(100, 200, 400, 500))
        whole = draw(document[0], MOST_PIXELS)
        box = part.box(0, 0, part.width, part.height)
    assert part.dpi == 200 > whole.dpi
    assert box == pytest.approx((100, 200, 400, 500), abs=1)


def test_a_page_that_is_legible_within_the_limit_of_the_settings_is_drawn() -> None:
    with poster(140 * 72, 140 * 72) as document:
        assert draw(document[0], MOST_PIXELS).dpi == 36


@pytest.mark.parametrize("size", [(200, 14_400), (14_400, 10)])
def test_the_picture_of_a_very_long_page_has_sides_that_tesseract_reads(
    size: tuple[float, float],
) -> None:
    with poster(*size) as document:
        picture = draw(document[0], MOST_PIXELS)
    assert 31_000 < max(picture.width, picture.height) <= 32_000


def test_a_page_that_is_too_long_to_be_legible_is_refused() -> None:
    with poster(20, 14_400) as document:
        document.xref_set_key(document[0].xref, "UserUnit", "6")
        with pytest.raises(PermanentError, match="too large to be read as an image"):
            draw(document.reload_page(document[0]), MOST_PIXELS)


def test_a_page_of_usual_size_is_drawn_at_200_dpi() -> None:
    with poster(612, 792) as document:
        assert draw(document[0], MOST_PIXELS).dpi == 200


def test_the_words_of_a_poster_are_found_at_their_places() -> None:
    with poster(*POSTER) as document:
        page = document[0]
        for word, place in PLACES.items():
            page.insert_text(place, f"{word} words of the poster", fontsize=28)
        expected = [page.search_for(f"{word} words of the poster")[0] for word in PLACES]
        found = Recogniser(make_ocr_options(["eng"], None, engine="tesseract"), MOST_PIXELS)
        lines = list(found.read(page).lines)
    assert [line.text for line in lines] == [f"{word} words of the poster" for word in PLACES]
    for line, place in zip(lines, expected, strict=True):
        assert pymupdf.Rect(line.box).get_area() / place.get_area() > 0.5
        assert tuple(line.box) == pytest.approx(tuple(place), abs=12)
