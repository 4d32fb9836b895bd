"""Stores images of pages as files of the job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.pdf import progress
from secretary_documents.pdf.page import Document

# These images are legible on a screen and have about 200 kB a page.
DPI, MAX_SIDE, QUALITY = 150, 1600, 80
MAX_IMAGES = 1000
"""The most files that a job may have."""


def check_images(pages: Sequence[int]) -> None:
    """Refuse images of more than ``MAX_IMAGES`` pages. Call this before any page is read.

    Raises:
        PermanentError: VALIDATION_ERROR.
    """
    if len(pages) > MAX_IMAGES:
        message = f"include_images: {len(pages)} pages, at most {MAX_IMAGES} at a time"
        raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)


async def add_images(document: Document, pages: Sequence[int], report: JobReport) -> str:
    """Store an image of each of *pages*; return the name of the archive of the job's files.

    Raises:
        PermanentError: an error of the sandbox.
    """
    async for _ in keep_images(document, pages, report, "page_"):
        pass
    # GET …/download-archive uses this name for the zip of all files of the job.
    return f"{report.job_id}.zip"


async def keep_images(
    document: Document, pages: Sequence[int], report: JobReport, prefix: str
) -> AsyncIterator[tuple[int, str]]:
    """Store an image of each of *pages*. Yield the page number and the file name of each image.

    A page that cannot be drawn has no image, but a warning in the log.

    Raises:
        PermanentError: an error of the sandbox.
    """
    report.progress(progress.image_progress(0, len(pages)))
    for done, number in enumerate(pages, start=1):
        try:
            images = document.images([number], dpi=DPI, max_side=MAX_SIDE, quality=QUALITY)
            [image] = [one async for one in images]
        except PermanentError as error:
            if error.code != ErrorCode.PDF_INVALID:
                raise
            report.log("warning", f"{error.message}: it has no image")
            continue
        name = f"{prefix}{number:04d}.jpg"
        await report.file(name, image.jpeg, "image/jpeg")
        report.progress(progress.image_progress(done, len(pages)))
        yield number, name
