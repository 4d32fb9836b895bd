"""RapidOCR reads pages in the sandbox. ``make extras`` installs it and runs these tests."""

from __future__ import annotations

import pymupdf
import pytest
from support import pdf_samples, script_samples
from support.pdf_harness import PdfHarness, pages_of

from secretary_common.settings.documents import PdfSection
from secretary_documents.pdf import ocr_engine

pytestmark = pytest.mark.extra
LINES = list(pdf_samples.PROSE)


async def test_a_page_of_which_tesseract_is_not_sure_is_read_by_rapidocr(
    harness: PdfHarness,
) -> None:
    scan = script_samples.script_scan(["Latin", "CJK"])
    latin, cjk = pages_of(await harness.read(scan, extraction_method="ocr"))
    assert latin["engine"] == "tesseract"
    assert (cjk["engine"], "reason" in cjk) == ("rapidocr", False)
    assert cjk["text"].startswith("人类社会的发展经历了漫长的历史过程。")
    assert cjk["confidence"] > 0.9


async def test_the_job_or_the_operator_may_do_without_rapidocr(harness: PdfHarness) -> None:
    name = harness.put(pdf_samples.scan_pdf([LINES]))
    only = await harness.read(name, extraction_method="ocr", ocr_engine="rapidocr")
    never = await harness.read(name, extraction_method="ocr", limits=PdfSection(second_ocr_below=0))
    assert [pages_of(done)[0]["engine"] for done in (only, never)] == ["rapidocr", "tesseract"]
    assert pages_of(only)[0]["text"].splitlines() == LINES


async def test_a_page_that_lies_on_its_side_is_read_upright(harness: PdfHarness) -> None:
    with pymupdf.open(stream=pdf_samples.scan_pdf([LINES])) as document:
        document[0].set_rotation(90)
        scan = document.tobytes()
    sure = PdfSection(second_ocr_below=1)  # Tesseract is never sure enough
    [page] = pages_of(await harness.read(scan, extraction_method="ocr", limits=sure))
    assert (page["engine"], page["text"].splitlines()) == ("rapidocr", LINES)


def test_all_models_are_in_the_installed_package() -> None:
    assert ocr_engine.rapidocr_folder() is not None
