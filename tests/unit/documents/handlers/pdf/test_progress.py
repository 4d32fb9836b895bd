"""The progress of a pdf job."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretary_documents.handlers.pdf.progress import image_progress, page_progress


@pytest.mark.parametrize(
    ("done", "total", "percents"),
    [
        (0, 1, [30]),
        (1, 1, [50, 60]),
        (0, 200, [30]),
        (12, 200, [31]),
        (200, 200, [60]),
        (2, 3, [50]),
        (4, 7, [47]),
        (5, 7, [50, 51]),
    ],
)
def test_the_percent_grows_with_the_pages(done: int, total: int, percents: list[int]) -> None:
    assert [progress.percent for progress in page_progress(done, total)] == percents


def test_the_message_counts_the_pages() -> None:
    assert page_progress(12, 200)[0].message == "page 12 of 200"


@given(total=st.integers(min_value=1, max_value=5000))
def test_the_percent_passes_50_and_never_falls_for_any_number_of_pages(total: int) -> None:
    percents = [
        progress.percent for done in range(total + 1) for progress in page_progress(done, total)
    ]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (30, 60)
    assert 50 in percents


def test_images_go_from_60_to_75() -> None:
    assert [image_progress(done, 3).percent for done in range(4)] == [60, 65, 70, 75]
