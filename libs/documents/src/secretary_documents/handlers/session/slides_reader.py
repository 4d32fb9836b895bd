"""Reads slides as ``pdf`` jobs read PDFs: the text and a picture of each page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.pdf.extractor import PdfExtractor
from secretary_documents.handlers.pdf.images import keep_images
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.handlers.session.talk import SlidePage
from secretary_documents.pdf.page import Document
from secretary_worker import OpenFile


@dataclass(frozen=True, slots=True)
class SlidesTask:
    """One file of slides to read."""

    file: OpenFile
    stem: str
    """The beginning of the names of the pictures."""
    previews: int
    """The number of pages, from the first, that get a picture among the job's files."""
    use_cache: bool
    report: JobReport
    resources: ResourceCalculator


@dataclass(frozen=True, slots=True)
class Slides:
    """The pages of one file of slides."""

    pages: list[SlidePage]
    fault: SecretaryError | None = None
    """The reason why pages have no picture; None if all have one or no picture was requested."""


class SlidesReader(Protocol):
    """Reads slides."""

    async def __call__(self, task: SlidesTask) -> Slides:
        """Read the PDF of *task*. The pictures of its pages become files of the job.

        Raises:
            PermanentError: the PDF cannot be read.
            TransientError: a later attempt may succeed.
        """
        ...


class PdfSlidesReader:
    """A ``SlidesReader``. One instance serves all jobs."""

    def __init__(self, extractor: PdfExtractor) -> None:
        """*extractor*: the extractor of ``pdf`` jobs, with its limits and its cache."""
        self._extractor = extractor

    async def __call__(self, task: SlidesTask) -> Slides:
        """See ``SlidesReader``."""
        parameters = PdfParameters(
            filename=f"{task.stem}.pdf", extraction_method="combined", use_cache=task.use_cache
        )
        reading = self._extractor.task(parameters, task.report, task.resources)
        async with self._extractor.open(reading, task.file) as pdf:
            extract = await pdf.read()
            pages = [SlidePage(page.text) for page in extract.pages]
            return Slides(pages, await _draw(pdf.document, pages, task))


async def _draw(
    document: Document, pages: list[SlidePage], task: SlidesTask
) -> SecretaryError | None:
    """Draw pictures of *pages*. Return the reason if pages are left without a picture, or None."""
    numbers = range(1, min(len(pages), task.previews) + 1)
    if not numbers:
        return None
    try:
        async for number, name in keep_images(document, numbers, task.report, f"{task.stem}-"):
            pages[number - 1].preview = name
    except (PermanentError, TransientError) as error:
        return error
    if absent := [number for number in numbers if pages[number - 1].preview is None]:
        message = f"page {absent[0]} cannot be drawn, so it has no picture"
        return PermanentError(message, code=ErrorCode.PDF_INVALID)
    if len(numbers) == len(pages):
        return None
    message = f"only the first {len(numbers)} of {len(pages)} pages have pictures"
    return PermanentError(message, code=ErrorCode.PDF_TOO_MANY_PAGES)
