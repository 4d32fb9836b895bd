"""Page ranges."""

import pytest

from secretary_common.errors import PermanentError
from secretary_documents.pdf.page import PageRange


@pytest.mark.parametrize(
    ("start", "end", "numbers"),
    [(1, None, [1, 2, 3]), (2, 2, [2]), (2, 99, [2, 3]), (3, None, [3])],
)
def test_a_range_ends_at_the_last_page(start: int, end: int | None, numbers: list[int]) -> None:
    assert list(PageRange(start, end).within(3)) == numbers


def test_a_range_beyond_the_document_is_refused() -> None:
    with pytest.raises(PermanentError):
        PageRange(4, None).within(3)
