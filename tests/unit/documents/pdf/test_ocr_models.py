"""The models of OCR languages."""

from pathlib import Path

import pytest

from secretary_common.errors import (
    ErrorCode,
    PermanentError,
    WorkerUnfit,
)
from secretary_documents.pdf.ocr_models import find_model_folder, models_fingerprint


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
    with pytest.raises(WorkerUnfit, match=r"missing: osd \(installed: none\)"):
        find_model_folder(["osd"], [tmp_path])


def test_the_fingerprint_depends_on_the_content_of_models_not_on_their_folder(
    tmp_path: Path,
) -> None:
    for name, content in (("one", b"1"), ("same", b"1"), ("other", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "eng.traineddata").write_bytes(content)
    one, same, other = (
        models_fingerprint(tmp_path / name, ["eng"]) for name in ("one", "same", "other")
    )
    assert one == same != other
