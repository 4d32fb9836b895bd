"""Photos on pages differ from pictures with text."""

from __future__ import annotations

from random import Random

import pymupdf

from secretary_documents.pdf.ocr.picture import PagePicture, draw, is_photo


def test_a_photo_has_no_ground_of_few_grey_values() -> None:
    random = Random(7)
    pixels = bytes(min(max(int(random.gauss(120, 40)), 0), 255) for _ in range(300 * 200))
    assert is_photo(PagePicture(pixels, 300, 200, 300, 200, pymupdf.Matrix()))


def test_a_chart_with_text_on_a_coloured_ground_is_no_photo() -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=300, height=200)
        page.draw_rect(page.rect, fill=(0.8, 0.9, 0.7))
        page.insert_text((40, 60), "Revenue 2025", fontsize=24)
        page.draw_rect((40, 80, 90, 180), fill=(0.2, 0.3, 0.7))
        assert not is_photo(draw(page, 10**7))
