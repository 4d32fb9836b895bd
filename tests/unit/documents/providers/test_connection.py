"""The delay before a request is repeated."""

import pytest

from secretary_documents.providers.connection import retry_delay_sec


@pytest.mark.parametrize(
    ("failures", "asked", "left", "random", "delay"),
    [
        (1, None, 60, 0.0, 0.5),
        (2, None, 60, 0.0, 1),
        (3, None, 60, 0.0, 2),
        (4, None, 60, 0.0, 4),
        (5, None, 60, 0.0, None),
        (1, None, 60, 1.0, 0.625),
        (1, 20, 60, 0.0, 20),
        (4, 1, 60, 0.0, 4),
        (1, 61, 60, 0.0, None),
        (1, 50, 60, 1.0, None),
        (1, None, 0, 0.0, None),
        (1, None, -5, 0.0, None),
    ],
)
def test_the_delay_grows_honours_retry_after_and_ends_in_time(
    failures: int, asked: float | None, left: float, random: float, delay: float | None
) -> None:
    assert retry_delay_sec(failures, retry_after_sec=asked, left_sec=left, random=random) == delay
