"""Reads an open file as a PDF: whoever has one, a ``pdf`` job or the slides of a talk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import Job
from secretary_common.ports.cache import CacheRepository
from secretary_common.settings.work import PdfSection
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.pdf import progress
from secretary_documents.handlers.pdf.methods import MakeReader, Readers
from secretary_documents.handlers.pdf.page_cache import PageCache
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.handlers.pdf.reading import PdfReading
from secretary_documents.handlers.pdf.result import FileFacts, PdfExtract, check_readable
from secretary_documents.pdf.opened import OpenedPdf, Opening, check_pdf_mark
from secretary_documents.pdf.page import Document, RemoteReader
from secretary_documents.pdf.page_range import PageRange
from secretary_worker import (
    LINE_BYTES,
    OUTPUT_BYTES,
    Bounds,
    Limits,
    OpenFile,
    Sandbox,
    ZygoteClient,
    digest,
)

CHILD = "secretary_documents.pdf.child"
"""The module its children run."""
# A child gets so many times the CPU time of a page as wall clock: others want the CPU too.
_PATIENCE, _PATIENCE_SEC = 3, 30.0


@dataclass(frozen=True, slots=True)
class PdfTask:
    """What is to be read of a PDF, and who is told."""

    parameters: PdfParameters
    """How to read it; where it came from is not looked at."""
    make_reader: MakeReader
    report: JobReport
    resources: ResourceCalculator
    job: Job | None
    """Whose pages these are, for a run that reads them anew and is tried again."""

    @property
    def refreshing(self) -> str | None:
        """The run, if it is to read all pages anew."""
        if self.job is None or not self.parameters.force_refresh:
            return None
        return f"{self.job.job_id}:{self.job.run}"

    @property
    def reads_cache(self) -> bool:
        """Whether pages may be known: to a run that reads all anew, by an earlier attempt of it."""
        tried_before = self.job is not None and self.job.attempt > 1
        return self.parameters.use_cache and (not self.parameters.force_refresh or tried_before)


def bounds_for(limits: PdfSection, max_bytes: int) -> Bounds:
    """What to expect of a child at most: room for what settings allow, once it is JSON.

    Whether there is too much text in all is for who gathers the pages to say.
    """
    text, subset = 2 * int(limits.max_text_mb * 2**20), 3 * max_bytes
    return Bounds(
        timeout_sec=limits.timeout_sec,
        silence_sec=_PATIENCE * limits.page_sec + _PATIENCE_SEC,
        line_bytes=max(text, LINE_BYTES),
        output_bytes=max(text, subset, OUTPUT_BYTES),
    )


class PdfExtractor:
    """Reads PDFs in children with limits, pages that are known from the cache.

    One instance serves all jobs, side by side.
    """

    def __init__(
        self,
        *,
        limits: PdfSection,
        max_bytes: int,
        zygote: ZygoteClient | None = None,
        cache: CacheRepository | None = None,
        remote: Mapping[str, RemoteReader] | None = None,
    ) -> None:
        """Wire the extractor.

        Args:
            limits: what one document may use up, and where more OCR languages lie.
            max_bytes: of a PDF.
            zygote: of children that run ``CHILD``.
            cache: for pages that were read before; none: each is read anew.
            remote: the readers of ``mistral_ocr`` and ``openai_vision``, as far as there are any.
        """
        self._limits = limits
        self._max_bytes = max_bytes
        self._cache = cache
        self._readers = Readers(limits, remote or {})
        self._sandbox = Sandbox(
            zygote or ZygoteClient(CHILD),
            Limits(memory_bytes=limits.memory_mb * 2**20, cpu_sec=limits.cpu_sec),
            bounds_for(limits, max_bytes),
        )

    def task(
        self,
        parameters: PdfParameters,
        report: JobReport,
        resources: ResourceCalculator,
        job: Job | None = None,
    ) -> PdfTask:
        """What *parameters* ask for; what is missing for it is said before anything is read.

        *job* is needed for ``force_refresh``: what an earlier attempt of its run read anew is used.

        Raises:
            PermanentError: OCR_LANGUAGE_MISSING, MISTRAL_NOT_CONFIGURED, VISION_NOT_CONFIGURED.
        """
        return PdfTask(parameters, self._readers.choose(parameters), report, resources, job)

    @asynccontextmanager
    async def open(self, task: PdfTask, file: OpenFile) -> AsyncIterator[ReadablePdf]:
        """The PDF in *file*, to be read as *task* says.

        Raises:
            PermanentError: PDF_INVALID, PDF_PASSWORD_REQUIRED, PDF_WRONG_PASSWORD,
                PDF_TOO_MANY_PAGES, or a code of the sandbox.
        """
        check_pdf_mark(file)
        document = OpenedPdf(self._sandbox, self._opening(task.parameters, file))
        try:
            async with document:
                task.report.progress(progress.FILE_READ)
                if document.facts.repaired:
                    message = "the file is damaged and was repaired: text may be missing"
                    task.report.log("warning", message)
                max_text_bytes = int(self._limits.max_text_mb * 2**20)
                yield ReadablePdf(task, file, document, self._cache, max_text_bytes)
        finally:
            task.resources.add_compute_seconds(document.cpu_sec)

    def _opening(self, parameters: PdfParameters, file: OpenFile) -> Opening:
        limits, password = self._limits, parameters.password
        return Opening(
            fd=file.fd,
            password=None if password is None else password.get_secret_value(),
            max_pages=limits.max_pages,
            max_pixels=self._readers.max_pixels,
            page_sec=limits.page_sec,
            max_subset_bytes=2 * self._max_bytes,
        )


class ReadablePdf:
    """An open PDF."""

    def __init__(
        self,
        task: PdfTask,
        file: OpenFile,
        document: OpenedPdf,
        cache: CacheRepository | None,
        max_text_bytes: int,
    ) -> None:
        """*max_text_bytes*: of all pages together."""
        self._task = task
        self._file = file
        self._document = document
        self._cache = cache
        self._max_text_bytes = max_text_bytes

    @property
    def document(self) -> Document:
        """It, for those who want its pages as pictures."""
        return self._document

    def numbers(self) -> Sequence[int]:
        """The pages that are asked for.

        Raises:
            PermanentError: VALIDATION_ERROR, it has none of them.
        """
        parameters = self._task.parameters
        asked = PageRange(parameters.page_start, parameters.page_end)
        return asked.within(self._document.page_count)

    async def read(self) -> PdfExtract:
        """The text of the pages that are asked for.

        Raises:
            PermanentError: they cannot be read.
            TransientError: a provider may answer the next time.
        """
        parameters, report, resources = (
            self._task.parameters,
            self._task.report,
            self._task.resources,
        )
        reader = self._task.make_reader(self._document)
        # Here, not in the child: it has read untrusted bytes, and this is what pages are kept by.
        sha256 = await digest(self._file)
        cache = PageCache(
            self._cache,
            sha256=sha256,
            engine=reader.engine,
            reads=self._task.reads_cache,
            writes=parameters.use_cache,
            refreshing=self._task.refreshing,
        )
        reading = PdfReading(self.numbers(), report, max_text_bytes=self._max_text_bytes)
        await reading.read(self._document, reader, cache, resources)
        pages = reading.pages
        check_readable(pages)
        resources.add_pages(len(pages))
        report.log("info", f"{len(pages)} pages read, {reading.cached} of them from the cache")
        file = FileFacts(self._file.name, self._file.size, sha256)
        return PdfExtract(self._document.facts, pages, file)
