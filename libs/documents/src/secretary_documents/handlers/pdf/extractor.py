"""Reads an open file as a PDF, for ``pdf`` jobs and for the slides of ``session`` jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job
from secretary_common.ports.cache import CacheRepository
from secretary_common.settings.documents import PdfSection
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.pdf import progress
from secretary_documents.handlers.pdf.page_cache import PageCache
from secretary_documents.handlers.pdf.page_collector import PageCollector
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.handlers.pdf.reader_factory import MakeReader, ReaderFactory
from secretary_documents.handlers.pdf.result import PdfExtract, PdfFile, check_readable
from secretary_documents.pdf.joining.joined_pages import join_pages
from secretary_documents.pdf.ocr_engine import more_memory_mb
from secretary_documents.pdf.ocr_models import model_folders
from secretary_documents.pdf.page import PageRange, RemoteReader, WholeDocument
from secretary_documents.pdf.sandboxed_document import (
    OpenOptions,
    SandboxedDocument,
    check_pdf_mark,
)
from secretary_worker import (
    LINE_BYTES,
    OUTPUT_BYTES,
    AnswerLimits,
    OpenFile,
    ProcessLimits,
    Sandbox,
    ZygoteClient,
    digest,
    parsing_answer,
)

CHILD = "secretary_documents.pdf.child"
"""The module that the child processes run."""
# Other processes use the CPU too. So the wall-clock limit of a page is its CPU limit times
# _PATIENCE, plus _PATIENCE_SEC.
_PATIENCE, _PATIENCE_SEC = 3, 30.0


@dataclass(frozen=True, slots=True)
class PdfTask:
    """One PDF to read, with its reader and the receivers of progress and usage."""

    parameters: PdfParameters
    """The parameters of the job. Those that name the file are not used."""
    make_reader: MakeReader
    report: JobReport
    resources: ResourceCalculator
    job: Job | None
    """The job of the PDF. It is needed only for ``force_refresh``."""

    @property
    def refreshing(self) -> str | None:
        """The run that reads all pages again; None without a job or ``force_refresh``."""
        if self.job is None or not self.parameters.force_refresh:
            return None
        return f"{self.job.job_id}:{self.job.run}"

    @property
    def reads_cache(self) -> bool:
        """Whether cached pages are used.

        With ``force_refresh`` a later attempt uses the pages that earlier attempts of the same run
        have stored.
        """
        tried_before = self.job is not None and self.job.attempt > 1
        return self.parameters.use_cache and (not self.parameters.force_refresh or tried_before)


def answer_limits_for(limits: PdfSection, max_bytes: int) -> AnswerLimits:
    """Return limits with room for the JSON of all text and all bytes that the settings allow.

    ``PageCollector`` limits the text of all pages together.
    """
    text, subset = 2 * int(limits.max_text_mb * 2**20), 3 * max_bytes
    return AnswerLimits(
        timeout_sec=limits.timeout_sec,
        silence_sec=_PATIENCE * limits.page_sec + _PATIENCE_SEC,
        line_bytes=max(text, LINE_BYTES),
        output_bytes=max(text, subset, OUTPUT_BYTES),
    )


class PdfExtractor:
    """Reads PDFs in children with limits, and takes known pages from the cache.

    One instance serves all jobs at the same time.
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
            limits: the limits of one document, and the folder with more OCR languages.
            max_bytes: the largest PDF, in bytes.
            zygote: forks children that run ``CHILD``.
            cache: holds pages that were read before; with None, every page is read.
            remote: the remote readers by method: ``mistral_ocr``, ``openai_vision``.
        """
        self._limits = limits
        self._max_bytes = max_bytes
        self._cache = cache
        self._readers = ReaderFactory(limits, remote or {})
        self._sandbox = Sandbox(
            zygote or ZygoteClient(CHILD),
            ProcessLimits(
                memory_bytes=(limits.memory_mb + more_memory_mb(limits.second_ocr_below)) * 2**20,
                cpu_sec=limits.cpu_sec,
                readable=[str(folder) for folder in model_folders(limits.tessdata)],
            ),
            answer_limits_for(limits, max_bytes),
        )

    def task(
        self,
        parameters: PdfParameters,
        report: JobReport,
        resources: ResourceCalculator,
        job: Job | None = None,
    ) -> PdfTask:
        """Return the task for *parameters*. Call this before any page is read.

        *job* is needed only for ``force_refresh``.

        Raises:
            PermanentError: OCR_LANGUAGE_MISSING, MISTRAL_NOT_CONFIGURED, VISION_NOT_CONFIGURED.
        """
        return PdfTask(parameters, self._readers.choose(parameters), report, resources, job)

    @asynccontextmanager
    async def open(self, task: PdfTask, file: OpenFile) -> AsyncIterator[ReadablePdf]:
        """Open the PDF in *file* to read it for *task*.

        Raises:
            PermanentError: PDF_INVALID, PDF_PASSWORD_REQUIRED, PDF_WRONG_PASSWORD,
                PDF_TOO_MANY_PAGES, or an error of the sandbox.
        """
        check_pdf_mark(file)
        document = SandboxedDocument(self._sandbox, self._open_options(task.parameters, file))
        try:
            async with document:
                task.report.progress(progress.FILE_READ)
                if document.info.repaired:
                    message = "the file is damaged and was repaired: text may be missing"
                    task.report.log("warning", message)
                max_text_bytes = int(self._limits.max_text_mb * 2**20)
                yield ReadablePdf(task, file, document, self._cache, max_text_bytes)
        finally:
            task.resources.add_compute_seconds(document.cpu_sec)

    def _open_options(self, parameters: PdfParameters, file: OpenFile) -> OpenOptions:
        limits, password = self._limits, parameters.password
        return OpenOptions(
            fd=file.fd,
            password=None if password is None else password.get_secret_value(),
            max_pages=limits.max_pages,
            max_pixels=self._readers.max_pixels,
            page_sec=limits.page_sec,
            max_subset_bytes=2 * self._max_bytes,
        )


class ReadablePdf:
    """An open PDF with the task to read it."""

    def __init__(
        self,
        task: PdfTask,
        file: OpenFile,
        document: SandboxedDocument,
        cache: CacheRepository | None,
        max_text_bytes: int,
    ) -> None:
        """*max_text_bytes*: the most text of all pages together, in bytes."""
        self._task = task
        self._file = file
        self._document = document
        self._cache = cache
        self._max_text_bytes = max_text_bytes

    @property
    def document(self) -> WholeDocument:
        """The open document."""
        return self._document

    def numbers(self) -> Sequence[int]:
        """Return the numbers of the requested pages.

        Raises:
            PermanentError: VALIDATION_ERROR, the document has none of the requested pages.
        """
        parameters = self._task.parameters
        requested = PageRange(parameters.page_start, parameters.page_end)
        return requested.within(self._document.page_count)

    async def read(self) -> PdfExtract:
        """Return the text of the requested pages.

        Raises:
            PermanentError: the pages cannot be read.
            TransientError: a provider may answer at the next attempt.
        """
        task = self._task
        reader = task.make_reader(self._document)
        # A part of the cache's key. The worker computes the digest, because a child that has read
        # untrusted bytes could report a false digest.
        sha256 = await digest(self._file)
        cache = PageCache(
            self._cache,
            sha256=sha256,
            fingerprint=reader.fingerprint,
            reads=task.reads_cache,
            writes=task.parameters.use_cache,
            refreshing=task.refreshing,
        )
        collector = PageCollector(self.numbers(), task.report, max_text_bytes=self._max_text_bytes)
        await collector.collect(self._document, reader, cache, task.resources)
        with parsing_answer():
            pages = await asyncio.to_thread(join_pages, collector.pages)
        check_readable(pages)
        for page in pages:
            if page.script:
                message = f"page {page.number} seems to be in the script {page.script}"
                task.report.log("warning", f"{message}, which no OCR language reads")
        task.resources.add_pages(len(pages))
        cached = collector.cached
        task.report.log("info", f"{len(pages)} pages read, {cached} of them from the cache")
        file = PdfFile(self._file.name, self._file.size, sha256)
        return PdfExtract(self._document.info, pages, file)
