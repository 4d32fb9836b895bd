"""A scan in a script of which no language is named ends with an error, not with Latin letters."""

from __future__ import annotations

import pytest
from support import script_samples
from support.pdf_harness import PdfHarness, pages_of

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf import ocr_engine


@pytest.mark.parametrize(("script", "method"), [("CJK", "combined"), ("Hebrew", "ocr")])
async def test_the_error_names_the_script_of_a_scan_that_no_language_reads(
    harness: PdfHarness, script: str, method: str
) -> None:
    scan = script_samples.script_scan([script])
    with pytest.raises(PermanentError, match=f"script {script}") as caught:
        await harness.read(scan, extraction_method=method, ocr_engine="tesseract")
    assert caught.value.code == ErrorCode.OCR_LANGUAGE_MISSING
    assert caught.value.details is not None
    assert caught.value.details["scripts"] == [script]


async def test_a_page_in_another_script_does_not_affect_other_pages(harness: PdfHarness) -> None:
    scan = script_samples.script_scan(["Latin", "CJK"])
    done = await harness.read(scan, extraction_method="ocr", ocr_engine="tesseract")
    latin, cjk = pages_of(done)
    assert latin["text"].startswith("The minutes of the last meeting")
    assert "script" not in latin
    assert (cjk["text"], cjk["reason"], cjk["script"]) == ("", "language_missing", "CJK")
    assert ("warning", "page 2 seems to be in the script CJK, which no OCR language reads") in (
        done.logs
    )


async def test_an_engine_that_is_not_installed_is_named_in_the_error(
    harness: PdfHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr_engine, "rapidocr_folder", lambda: None)
    scan = script_samples.script_scan(["Latin"])
    with pytest.raises(PermanentError, match=r"secretary-documents\[rapidocr\]") as caught:
        await harness.read(scan, extraction_method="ocr", ocr_engine="rapidocr")
    assert caught.value.code == ErrorCode.OCR_ENGINE_MISSING

    [page] = pages_of(await harness.read(scan, extraction_method="ocr", ocr_engine="auto"))
    assert page["engine"] == "tesseract"
