"""Images of pages, and PDFs of some pages, as remote readers and jobs get them."""

from __future__ import annotations

import io
from typing import Any

import pymupdf
import pytest
from support import pdf_samples
from support.pdf_harness import PdfHarness, ScriptedReader

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.handlers.pdf import images
from secretary_documents.pdf.page import Document, PageImage
from secretary_documents.pdf.sandboxed_document import OpenOptions, SandboxedDocument
from secretary_worker.access.source import open_under_roots
from secretary_worker.sandbox.child import AnswerLimits
from secretary_worker.sandbox.limits import ProcessLimits
from secretary_worker.sandbox.sandbox import Sandbox

FOUR = pdf_samples.text_pdf([f"Seite {number}" for number in range(1, 5)])


def size_of(jpeg: bytes) -> tuple[int, int]:
    picture = pymupdf.Pixmap(io.BytesIO(jpeg))
    return picture.width, picture.height


async def with_document(harness: PdfHarness, content: bytes, use: Any, **given: Any) -> None:
    """Open *content* in a job and await *use* with the open document."""
    reader = ScriptedReader(use_document=use)
    await harness.read(
        content, extraction_method="mistral_ocr", remote={"mistral_ocr": reader}, **given
    )


async def test_page_images_are_files_of_the_job_and_the_archive_is_named(
    harness: PdfHarness,
) -> None:
    done = await harness.read(FOUR, include_images=True, page_start=2, page_end=3)
    assert list(done.files) == ["page_0002.jpg", "page_0003.jpg"]
    for content, kind in done.files.values():
        assert kind == "image/jpeg"
        assert size_of(content) == (1130, 1599)
    assert done.results is not None
    assert done.results["images_archive_filename"].startswith("job-")
    assert done.results["images_archive_filename"].endswith(".zip")
    steps = list(dict.fromkeys(progress.step for progress in done.progress))
    assert steps[2:5] == ["extracting_text", "processing_images", "finalizing"]


async def test_a_page_that_cannot_be_drawn_has_no_image_and_the_others_have_one(
    harness: PdfHarness,
) -> None:
    with pymupdf.open(stream=FOUR, filetype="pdf") as document:
        root = int(document.xref_get_key(document.pdf_catalog(), "Pages")[1].split()[0])
        kids = document.xref_get_key(root, "Kids")[1]
        missing = kids.replace(f"{document[1].xref} 0 R", "null")
        document.xref_set_key(root, "Kids", missing)
        content = bytes(document.tobytes())
    done = await harness.read(content, include_images=True)
    assert list(done.files) == ["page_0001.jpg", "page_0003.jpg", "page_0004.jpg"]
    assert ("warning", "page 2 cannot be drawn: it has no image") in done.logs


async def test_no_page_is_drawn_without_include_images(harness: PdfHarness) -> None:
    done = await harness.read(FOUR)
    assert done.files == {}
    assert done.results is not None
    assert "images_archive_filename" not in done.results


async def test_more_images_than_a_job_may_have_files_are_refused_before_any_page_is_read(
    harness: PdfHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_IMAGES", 3)
    with pytest.raises(PermanentError, match="4 pages, at most 3") as caught:
        await harness.read(FOUR, include_images=True)
    assert caught.value.code == ErrorCode.VALIDATION_ERROR


async def test_a_provider_gets_images_of_the_requested_size(harness: PdfHarness) -> None:
    found: list[PageImage] = []

    async def draw(document: Document) -> None:
        assert document.page_count == 4
        images = document.images([4, 1], dpi=72, max_side=10_000, quality=50)
        found.extend([image async for image in images])
        small = document.images([2], dpi=300, max_side=400, quality=50)
        found.extend([image async for image in small])

    await with_document(harness, FOUR, draw)
    assert [image.number for image in found] == [4, 1, 2]
    assert [size_of(image.jpeg) for image in found] == [
        (image.width, image.height) for image in found
    ]
    assert (found[0].width, found[0].height) == (595, 842)
    assert found[2].height in (399, 400)


async def test_a_subset_has_the_requested_pages_without_a_password(harness: PdfHarness) -> None:
    copies: list[bytes] = []

    async def copy(document: Document) -> None:
        copies.append(await document.subset([1]))

    await with_document(harness, pdf_samples.encrypted_pdf("geheim"), copy, password="geheim")

    async def copy_some(document: Document) -> None:
        copies.append(await document.subset([4, 2, 3]))

    await with_document(harness, FOUR, copy_some)
    with pymupdf.open(stream=copies[0]) as plain, pymupdf.open(stream=copies[1]) as some:
        assert not plain.needs_pass
        assert "Vertraulich" in plain[0].get_text()
        assert [page.get_text().strip() for page in some] == ["Seite 4", "Seite 2", "Seite 3"]


@pytest.mark.parametrize("password", ["", "geheim"])
@pytest.mark.parametrize("pages", [[2], [1, 2, 3, 4], [4, 1, 2], [2, 2]])
async def test_pages_with_a_reference_to_a_missing_object_are_copied(
    harness: PdfHarness, pages: list[int], password: str
) -> None:
    texts = [f"Seite {number}" for number in range(1, 5)]
    copies: list[bytes] = []

    async def copy(document: Document) -> None:
        copies.append(await document.subset(pages))

    given = {"password": password} if password else {}
    await with_document(harness, pdf_samples.dangling_pdf(texts, user=password), copy, **given)
    with pymupdf.open(stream=copies[0]) as some:
        assert not some.is_encrypted
        assert [page.get_text().strip() for page in some] == [f"Seite {one}" for one in pages]
        objects = [some.xref_object(xref) for xref in range(1, some.xref_length())]
        assert sum("/Type /Page\n" in one for one in objects) == len(pages)


async def test_a_subset_over_the_limit_is_refused(harness: PdfHarness) -> None:
    sandbox = Sandbox(
        harness.zygote, ProcessLimits(2**30, cpu_sec=30), AnswerLimits(timeout_sec=30)
    )
    with open_under_roots(harness.put(FOUR), [harness.root], 2**20) as file:
        options = OpenOptions(file.fd, None, 10, 10**7, page_sec=30, max_subset_bytes=200)
        async with SandboxedDocument(sandbox, options) as document:
            with pytest.raises(PermanentError) as caught:
                await document.subset([1, 2])
            assert caught.value.code == ErrorCode.PDF_TOO_LARGE
            assert document.page_count == 4
