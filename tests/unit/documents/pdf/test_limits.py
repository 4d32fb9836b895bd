"""Page ranges, resolutions, limits of a child's output, and models of OCR languages."""

import json
from pathlib import Path

import pytest

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.settings.documents import PdfSection
from secretary_documents.handlers.pdf.extractor import bounds_for
from secretary_documents.pdf.mupdf import fitting_dpi, page_runs
from secretary_documents.pdf.ocr_models import find_model_folder, fingerprint
from secretary_documents.pdf.page import PageRange

MAX_PIXELS = 40_000_000


@pytest.mark.parametrize(
    ("start", "end", "numbers"),
    [(1, None, [1, 2, 3]), (2, 2, [2]), (2, 99, [2, 3]), (3, None, [3])],
)
def test_a_range_ends_at_the_last_page(start: int, end: int | None, numbers: list[int]) -> None:
    assert list(PageRange(start, end).within(3)) == numbers


def test_a_range_beyond_the_document_is_refused() -> None:
    with pytest.raises(PermanentError):
        PageRange(4, None).within(3)


@pytest.mark.parametrize(
    ("width", "height", "dpi"), [(595, 842, 200), (0, 0, 200), (72_000, 72_000, 6)]
)
def test_huge_pages_are_drawn_at_a_lower_resolution(width: float, height: float, dpi: int) -> None:
    assert fitting_dpi(width, height, 200, MAX_PIXELS) == dpi
    assert width / 72 * dpi * height / 72 * dpi <= MAX_PIXELS


@pytest.mark.parametrize(("text_mb", "file_mb"), [(64, 200), (1, 1), (500, 10), (10, 2000)])
def test_a_child_may_send_all_text_that_a_document_may_have(text_mb: float, file_mb: int) -> None:
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
    assert find_model_folder(["eng"], [first, second]) == first
    assert find_model_folder(["fra", "eng"], [first, second]) == second
    with pytest.raises(PermanentError, match=r"missing: pol \(installed: eng, fra\)") as caught:
        find_model_folder(["pol"], [first, second])
    assert caught.value.code == ErrorCode.OCR_LANGUAGE_MISSING


def test_the_orientation_model_is_not_a_language(tmp_path: Path) -> None:
    (tmp_path / "osd.traineddata").touch()
    with pytest.raises(PermanentError, match=r"missing: osd \(installed: none\)"):
        find_model_folder(["osd"], [tmp_path])


def test_the_fingerprint_depends_on_the_content_of_models_not_on_their_folder(
    tmp_path: Path,
) -> None:
    for name, content in (("one", b"1"), ("same", b"1"), ("other", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "eng.traineddata").write_bytes(content)
    one, same, other = (fingerprint(tmp_path / name, ["eng"]) for name in ("one", "same", "other"))
    assert one == same != other


@pytest.mark.parametrize(
    ("pages", "runs"),
    [([3], [(3, 3)]), ([1, 2, 3], [(1, 3)]), ([1, 3, 4, 9], [(1, 1), (3, 4), (9, 9)])],
)
def test_consecutive_pages_are_copied_together(
    pages: list[int], runs: list[tuple[int, int]]
) -> None:
    assert list(page_runs(pages)) == runs
