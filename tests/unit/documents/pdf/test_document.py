"""Page ranges, and where OCR languages lie."""

import json
from pathlib import Path

import pytest

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.settings.work import PdfSection
from secretary_documents.handlers.pdf.extractor import bounds_for
from secretary_documents.pdf.document import runs_of
from secretary_documents.pdf.language import find_folder, fingerprint
from secretary_documents.pdf.page_range import PageRange
from secretary_documents.pdf.picture import fitting_dpi

MAX_PIXELS = 40_000_000


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
    assert fitting_dpi(width, height, 200, MAX_PIXELS) == dpi
    assert width / 72 * dpi * height / 72 * dpi <= MAX_PIXELS


@pytest.mark.parametrize(("text_mb", "file_mb"), [(64, 200), (1, 1), (500, 10), (10, 2000)])
def test_a_child_may_say_all_that_a_document_may_have(text_mb: float, file_mb: int) -> None:
    bounds = bounds_for(PdfSection(max_text_mb=text_mb), file_mb * 2**20)
    page = json.dumps({"text": "\n" * 2**10}).encode()  # the most that JSON adds to plain text
    share = len(page) / 2**10
    assert bounds.line_bytes >= text_mb * 2**20 * (share - 0.1)
    assert bounds.output_bytes >= bounds.line_bytes
    copy = 2 * file_mb * 2**20  # in base64
    assert bounds.output_bytes >= copy * 4 / 3


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


def test_the_model_of_the_orientation_is_no_language(tmp_path: Path) -> None:
    (tmp_path / "osd.traineddata").touch()
    with pytest.raises(PermanentError, match=r"missing: osd \(installed: none\)"):
        find_folder(["osd"], [tmp_path])


def test_the_fingerprint_tells_models_apart_by_what_they_are_not_where(tmp_path: Path) -> None:
    for name, content in (("one", b"1"), ("same", b"1"), ("other", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "eng.traineddata").write_bytes(content)
    one, same, other = (fingerprint(tmp_path / name, ["eng"]) for name in ("one", "same", "other"))
    assert one == same != other


@pytest.mark.parametrize(
    ("pages", "runs"),
    [([3], [(3, 3)]), ([1, 2, 3], [(1, 3)]), ([1, 3, 4, 9], [(1, 1), (3, 4), (9, 9)])],
)
def test_pages_in_a_row_are_copied_together(pages: list[int], runs: list[tuple[int, int]]) -> None:
    assert list(runs_of(pages)) == runs
