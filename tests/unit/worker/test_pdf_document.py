"""Page ranges, and where OCR languages lie."""

from pathlib import Path

import pytest

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker.extract.document import PageRange
from secretary_worker.extract.ocr import MAX_PIXELS, find_folder, fitting_dpi


@pytest.mark.parametrize(
    ("start", "end", "numbers"),
    [(1, None, [1, 2, 3]), (2, 2, [2]), (2, 99, [2, 3]), (3, None, [3])],
)
def test_a_range_keeps_to_the_pages_there_are(
    start: int, end: int | None, numbers: list[int]
) -> None:
    assert list(PageRange(start, end).within(3)) == numbers


def test_a_range_beyond_the_document_is_refused() -> None:
    with pytest.raises(PermanentError):
        PageRange(4, None).within(3)


@pytest.mark.parametrize(
    ("width", "height", "dpi"), [(595, 842, 200), (0, 0, 200), (72_000, 72_000, 6)]
)
def test_huge_pages_are_read_at_fewer_dots_per_inch(width: float, height: float, dpi: int) -> None:
    assert fitting_dpi(width, height) == dpi
    assert width / 72 * dpi * height / 72 * dpi <= MAX_PIXELS


def test_languages_come_from_the_first_folder_that_has_all_of_them(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, languages in ((first, ("eng", "osd")), (second, ("eng", "fra"))):
        folder.mkdir()
        for language in languages:
            (folder / f"{language}.traineddata").touch()
    assert find_folder(["eng"], [first, second]) == first
    assert find_folder(["fra", "eng"], [first, second]) == second
    with pytest.raises(PermanentError, match=r"missing: pol \(installed: eng, fra\)") as caught:
        find_folder(["pol"], [first, second])
    assert caught.value.code == ErrorCode.OCR_LANGUAGE_MISSING
