"""Resolutions of images, and runs of pages."""

import pytest

from secretary_documents.pdf.mupdf import fitting_dpi, page_runs

MAX_PIXELS = 40_000_000


@pytest.mark.parametrize(
    ("width", "height", "dpi"), [(595, 842, 200), (0, 0, 200), (72_000, 72_000, 6)]
)
def test_huge_pages_are_drawn_at_a_lower_resolution(width: float, height: float, dpi: int) -> None:
    assert fitting_dpi(width, height, 200, MAX_PIXELS) == dpi
    assert width / 72 * dpi * height / 72 * dpi <= MAX_PIXELS


@pytest.mark.parametrize(
    ("pages", "runs"),
    [([3], [(3, 3)]), ([1, 2, 3], [(1, 3)]), ([1, 3, 4, 9], [(1, 1), (3, 4), (9, 9)])],
)
def test_consecutive_pages_are_copied_together(
    pages: list[int], runs: list[tuple[int, int]]
) -> None:
    assert list(page_runs(pages)) == runs
