"""Resolutions of images."""

import pytest

from secretary_documents.pdf.mupdf.page import fitting_dpi

MAX_PIXELS = 40_000_000


@pytest.mark.parametrize(
    ("width", "height", "dpi"), [(595, 842, 200), (0, 0, 200), (72_000, 72_000, 6)]
)
def test_huge_pages_are_drawn_at_a_lower_resolution(width: float, height: float, dpi: int) -> None:
    assert fitting_dpi(width, height, 200, MAX_PIXELS) == dpi
    assert width / 72 * dpi * height / 72 * dpi <= MAX_PIXELS
