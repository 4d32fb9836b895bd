"""The pdf handler with real files and real child processes."""

from pathlib import Path

import pymupdf
import pytest
from support import pdf_samples
from support.pdf_harness import MAX_BYTES, PdfHarness, pages_of

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JobStatus
from secretary_common.settings.documents import PdfSection


async def test_the_text_comes_back_page_by_page(harness: PdfHarness) -> None:
    pdf = pdf_samples.report_pdf()
    done = await harness.read(harness.put(pdf, "Bericht.pdf"))

    assert done.results is not None
    assert done.status is JobStatus.COMPLETED
    metadata = done.results["metadata"]
    assert metadata["title"] == pdf_samples.REPORT_TITLE
    assert metadata["author"] == "Käthe Müller"
    assert metadata["file_name"] == "Bericht.pdf"
    assert metadata["file_size"] == len(pdf)
    assert (metadata["page_count"], metadata["pages_processed"]) == (3, 3)
    first, second, third = metadata["text_contents"]
    assert first == {"page": 1, "text": pdf_samples.REPORT_TITLE, "method": "native"}
    assert second["text"].split() == [cell for row in pdf_samples.TABLE for cell in row]
    assert third["text"] == "\n".join(pdf_samples.PROSE)
    assert f"--- Page 1 ---\n{first['text']}" in done.results["extracted_text"]
    assert f"--- Page 3 ---\n{third['text']}" in done.results["extracted_text"]
    usage = done.results["usage"]
    assert (usage["pages"], usage["bytes"]) == (3, metadata["file_size"])
    assert usage["compute_seconds"] > 0


async def test_structured_data_repeats_the_result(harness: PdfHarness) -> None:
    results = (await harness.read(pdf_samples.report_pdf())).results

    assert results is not None
    again = results.pop("structured_data")
    assert again == results


@pytest.mark.parametrize("pages", [1, 7])
async def test_progress_passes_every_documented_mark_in_order(
    harness: PdfHarness, pages: int
) -> None:
    texts = [f"Seite {number}" for number in range(pages)]
    done = await harness.read(pdf_samples.text_pdf(texts))

    percents = [progress.percent for progress in done.progress]
    assert percents == sorted(percents)
    assert {0, 10, 25, 30, 50, 60, 75, 90, 100} <= set(percents)
    steps = list(dict.fromkeys(progress.step for progress in done.progress))
    assert steps == ["initializing", "reading_file", "extracting_text", "finalizing", "completed"]
    assert f"page {pages} of {pages}" in [progress.message for progress in done.progress]
    assert [level for level, _ in done.logs] == ["info", "info"]


async def test_only_the_requested_pages_are_read(harness: PdfHarness) -> None:
    name = harness.put(pdf_samples.text_pdf([f"Seite {number}" for number in range(1, 6)]))

    done = await harness.read(name, page_start=2, page_end=3)
    assert done.results is not None
    assert [page["text"] for page in done.results["metadata"]["text_contents"]] == [
        "Seite 2",
        "Seite 3",
    ]
    assert done.results["metadata"]["page_count"] == 5
    assert "page 2 of 2" in [progress.message for progress in done.progress]

    beyond = await harness.read(name, page_start=5, page_end=99)
    assert beyond.results is not None
    assert beyond.results["metadata"]["pages_processed"] == 1


async def test_a_relative_name_is_searched_in_the_roots(harness: PdfHarness) -> None:
    (harness.root / "inner").mkdir()
    harness.put(pdf_samples.text_pdf(["x"]), "inner/sample.pdf")
    done = await harness.read("inner/sample.pdf")
    assert done.status is JobStatus.COMPLETED


@pytest.mark.parametrize(
    ("password", "code"),
    [(None, ErrorCode.PDF_PASSWORD_REQUIRED), ("wrong", ErrorCode.PDF_WRONG_PASSWORD)],
)
async def test_an_encrypted_document_does_not_open_without_its_password(
    harness: PdfHarness, password: str | None, code: ErrorCode
) -> None:
    given = {} if password is None else {"password": password}
    with pytest.raises(PermanentError) as caught:
        await harness.read(harness.put(pdf_samples.encrypted_pdf("geheim")), **given)
    assert caught.value.code == code
    assert "wrong" not in caught.value.message


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        ("Adobe.PubSec", ErrorCode.PDF_CERTIFICATE_REQUIRED),
        ("Other.Handler", ErrorCode.PDF_INVALID),
    ],
)
async def test_a_document_that_no_password_opens_says_how_it_is_encrypted(
    harness: PdfHarness, handler: str, code: ErrorCode
) -> None:
    with pytest.raises(PermanentError, match=r"is encrypted (for|by)") as caught:
        await harness.read(pdf_samples.certificate_pdf(handler), password="geheim")
    assert caught.value.code == code


async def test_the_password_opens_an_encrypted_document(harness: PdfHarness) -> None:
    done = await harness.read(pdf_samples.encrypted_pdf("geheim"), password="geheim")
    assert done.results is not None
    assert "Vertraulich" in done.results["extracted_text"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<!doctype html><title>Log in</title>", ErrorCode.PDF_INVALID),
        (b"<html>%PDF</html>", ErrorCode.PDF_INVALID),
        (b"", ErrorCode.PDF_INVALID),
        (pdf_samples.report_pdf()[:200], ErrorCode.PDF_INVALID),
        (b"%PDF-1.7" + bytes(MAX_BYTES), ErrorCode.PDF_TOO_LARGE),
    ],
    ids=["html", "html naming PDF", "empty", "truncated", "too large"],
)
async def test_a_file_that_is_not_a_readable_pdf_is_refused(
    harness: PdfHarness, content: bytes, code: ErrorCode
) -> None:
    with pytest.raises(PermanentError) as caught:
        await harness.read(content)
    assert caught.value.code == code


async def test_a_document_of_too_many_pages_is_refused(harness: PdfHarness) -> None:
    name = harness.put(pdf_samples.text_pdf("abc"))
    with pytest.raises(PermanentError) as caught:
        await harness.read(name, limits=PdfSection(max_pages=2))
    assert caught.value.code == ErrorCode.PDF_TOO_MANY_PAGES


async def test_the_error_names_a_first_page_beyond_the_document(harness: PdfHarness) -> None:
    name = harness.put(pdf_samples.text_pdf("abc"))
    with pytest.raises(PermanentError, match=r"page_start is 4.*3 pages") as caught:
        await harness.read(name, page_start=4)
    assert caught.value.code == ErrorCode.VALIDATION_ERROR


async def test_files_outside_the_roots_and_missing_ones_have_their_own_codes(
    harness: PdfHarness, tmp_path: Path
) -> None:
    outside = str(tmp_path / "outside.pdf")
    harness.put(pdf_samples.text_pdf(["x"]), outside)
    (harness.root / "link.pdf").symlink_to(outside)
    expected = {
        outside: ErrorCode.FILE_OUTSIDE_ROOTS,
        str(harness.root / "link.pdf"): ErrorCode.FILE_OUTSIDE_ROOTS,
        str(harness.root / "missing.pdf"): ErrorCode.FILE_NOT_FOUND,
    }
    for filename, code in expected.items():
        with pytest.raises(PermanentError) as caught:
            await harness.read(filename)
        assert caught.value.code == code, filename


async def test_a_scan_with_a_stamp_is_recognised_as_a_whole(harness: PdfHarness) -> None:
    stamp = "Downloaded from library.example.org in 2026"
    with pymupdf.open(stream=pdf_samples.scan_pdf([pdf_samples.PROSE])) as document:
        document[0].insert_text((72, 780), stamp, fontsize=12)
        name = harness.put(document.tobytes())
    [page] = pages_of(await harness.read(name, extraction_method="combined"))
    assert (page["method"], page["reason"]) == ("ocr", "scan")
    assert "Downloaded from" in page["text"]
    assert pdf_samples.PROSE[0].split()[0] in page["text"]


async def test_a_scan_is_read_by_ocr(harness: PdfHarness) -> None:
    name = harness.put(pdf_samples.scan_pdf([pdf_samples.PROSE]))
    done = await harness.read(name, extraction_method="ocr", language=["deu"])
    assert done.results is not None
    [page] = done.results["metadata"]["text_contents"]
    assert " ".join(page["text"].split()) == " ".join(pdf_samples.PROSE)
    assert page["method"] == "ocr"
    assert page["confidence"] > 0.8


async def test_combined_decides_for_each_page_and_gives_the_reason(harness: PdfHarness) -> None:
    done = await harness.read(pdf_samples.mixed_pdf(), extraction_method="combined")
    assert done.results is not None
    pages = done.results["metadata"]["text_contents"]
    assert [(page["method"], page["reason"]) for page in pages] == [
        ("native", "text"),
        ("ocr", "scan"),
        ("native", "blank"),
    ]
    for page in pages[:2]:
        assert page["text"].count(pdf_samples.PROSE[0]) == 1, "the text of both methods was joined"


async def test_combined_recognises_a_picture_on_a_page_with_text(harness: PdfHarness) -> None:
    pdf = pdf_samples.illustrated_pdf()
    [page] = pages_of(await harness.read(pdf, extraction_method="combined", language=["eng"]))
    assert (page["method"], page["reason"]) == ("native", "pictures")
    assert page["confidence"] > 0.5
    before, after = pdf_samples.PROSE[0], pdf_samples.PROSE[1]
    text = " ".join(page["text"].split())
    places = [text.index(before), text.index("Revenue"), text.rindex(after)]
    assert places == sorted(places), "the text of the picture stands where the picture stands"


@pytest.mark.parametrize(
    ("method", "methods"), [("ocr", ["ocr", "ocr"]), ("combined", ["ocr", "native"])]
)
async def test_a_page_that_is_too_large_for_ocr_reports_the_method_ocr(
    harness: PdfHarness, method: str, methods: list[str]
) -> None:
    thin, slip = pages_of(await harness.read(pdf_samples.thin_pdf(), extraction_method=method))
    assert (thin["text"], thin["reason"]) == ("", "too_large")
    assert [thin["method"], slip["method"]] == methods


async def test_the_error_names_a_missing_ocr_language(harness: PdfHarness) -> None:
    name = harness.put(pdf_samples.text_pdf(["x"]))
    with pytest.raises(PermanentError, match=r"missing: fra \(installed: deu, eng\)") as caught:
        await harness.read(name, extraction_method="ocr", language=["eng", "fra"])
    assert caught.value.code == ErrorCode.OCR_LANGUAGE_MISSING
