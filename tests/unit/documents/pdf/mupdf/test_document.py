"""Runs of pages."""

import pytest

from secretary_documents.pdf.mupdf.document import page_runs


@pytest.mark.parametrize(
    ("pages", "runs"),
    [([3], [(3, 3)]), ([1, 2, 3], [(1, 3)]), ([1, 3, 4, 9], [(1, 1), (3, 4), (9, 9)])],
)
def test_consecutive_pages_are_copied_together(
    pages: list[int], runs: list[tuple[int, int]]
) -> None:
    assert list(page_runs(pages)) == runs
