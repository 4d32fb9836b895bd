"""The ``pdf`` job: the text of a PDF, page by page; what parses or recognises runs in children."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import Job
from secretary_common.ports.cache import CacheRepository
from secretary_common.resources import ResourceCalculator
from secretary_common.settings import PdfSection
from secretary_worker.child import Bounds
from secretary_worker.confinement import Limits
from secretary_worker.extract.opened import OpenedPdf, Opening
from secretary_worker.extract.page import PageReader, RemoteReader
from secretary_worker.extract.page_range import PageRange
from secretary_worker.handlers import pdf_progress
from secretary_worker.handlers.contract import JobReport, Reporter, Uploads
from secretary_worker.handlers.page_cache import PageCache
from secretary_worker.handlers.pdf_image import add_images, check_images
from secretary_worker.handlers.pdf_method import MakeReader, Readers
from secretary_worker.handlers.pdf_parameter import PdfParameters, parse_pdf_parameters
from secretary_worker.handlers.pdf_reading import PdfReading
from secretary_worker.handlers.pdf_result import FileFacts, PdfExtract, check_readable
from secretary_worker.handlers.pdf_template import (
    TextTransformer,
    check_template,
    text_request,
    wants_template,
)
from secretary_worker.nursery import Nursery
from secretary_worker.sandbox import Sandbox
from secretary_worker.source import OpenFile, check_pdf_mark, digest, open_under_roots
from secretary_worker.web.download import Downloader

CHILD = "secretary_worker.extract.child"
"""The module its children run."""
ACCEPT = "application/pdf, */*;q=0.5"
# A child gets so many times the CPU time of a page as wall clock: others want the CPU too.
_PATIENCE, _PATIENCE_SEC = 3, 30.0


@dataclass(frozen=True, slots=True)
class _Work:
    """One attempt at one job."""

    parameters: PdfParameters
    report: JobReport
    resources: ResourceCalculator


class PdfHandler:
    """Handles ``pdf`` jobs. One instance serves all of them, side by side."""

    def __init__(
        self,
        *,
        roots: Iterable[Path],
        max_bytes: int,
        limits: PdfSection,
        downloader: Downloader,
        uploads: Uploads | None = None,
        nursery: Nursery | None = None,
        cache: CacheRepository | None = None,
        remote: Mapping[str, RemoteReader] | None = None,
        transform: TextTransformer | None = None,
    ) -> None:
        """Wire the handler.

        Args:
            roots: the folders whose files jobs may name.
            max_bytes: of a PDF from there; the downloader has its own limit.
            limits: what one document may use up, and where more OCR languages lie.
            downloader: for jobs that name a URL.
            uploads: for jobs that name an upload; none: nobody can.
            nursery: of children that run ``CHILD``.
            cache: for pages that were read before; none: each is read anew.
            remote: the readers of ``mistral_ocr`` and ``openai_vision``, as far as there are any.
            transform: for jobs that name a template.
        """
        self._roots = list(roots)
        self._max_bytes = max_bytes
        self._limits = limits
        self._downloader = downloader
        self._uploads = uploads
        self._cache = cache
        self._readers = Readers(limits, remote or {})
        self._transform = transform
        silence_sec = _PATIENCE * limits.page_sec + _PATIENCE_SEC
        self._sandbox = Sandbox(
            nursery or Nursery(CHILD),
            Limits(memory_bytes=limits.memory_mb * 2**20, cpu_sec=limits.cpu_sec),
            Bounds(timeout_sec=limits.timeout_sec, silence_sec=silence_sec),
        )

    async def __call__(
        self, job: Job, repo: Reporter, resource_calculator: ResourceCalculator
    ) -> None:
        """Read the PDF *job* names, report each page, leave the result, complete the job.

        Raises:
            PermanentError: bad parameters, or a file or document that cannot be read.
            TransientError: a download or a provider that may work the next time.
        """
        report = JobReport(job.job_id, repo)
        report.progress(pdf_progress.INITIALIZING)
        parameters = parse_pdf_parameters(job.parameters)
        make_reader = self._readers.choose(parameters)
        check_template(parameters, self._transform)
        work = _Work(parameters, report, resource_calculator)
        report.log("info", f"PDF extraction started, method {parameters.extraction_method}")
        report.progress(pdf_progress.READING_FILE)
        async with report.beating(), self._source(parameters, job.owner) as file:
            resource_calculator.add_bytes(file.size)
            check_pdf_mark(file)
            extract = await self._extract(work, file, make_reader)
        async with report.beating():
            await self._transform_text(work, extract)
        report.progress(pdf_progress.FINALIZING)
        result = extract.result(resource_calculator.usage())
        report.progress(pdf_progress.COMPLETED)
        await report.complete(result)

    @asynccontextmanager
    async def _source(self, parameters: PdfParameters, owner: str) -> AsyncIterator[OpenFile]:
        if parameters.filename is not None:
            with open_under_roots(parameters.filename, self._roots, self._max_bytes) as file:
                yield file
        elif parameters.url is not None:
            async with self._downloader.fetch(parameters.url, accept=ACCEPT) as download:
                yield OpenFile(download.file.fileno(), download.name, download.size)
        elif parameters.file_id is not None and self._uploads is not None:
            opening = self._uploads.open(parameters.file_id, owner, self._max_bytes)
            async with opening as file:
                yield file
        else:
            raise PermanentError("this worker has no uploads", code=ErrorCode.FILE_NOT_FOUND)

    async def _extract(self, work: _Work, file: OpenFile, make_reader: MakeReader) -> PdfExtract:
        document = OpenedPdf(self._sandbox, self._opening(work.parameters, file))
        try:
            async with document:
                work.report.progress(pdf_progress.FILE_READ)
                if document.facts.repaired:
                    message = "the file is damaged and was repaired: text may be missing"
                    work.report.log("warning", message)
                return await self._read(work, file, document, make_reader(document))
        finally:
            work.resources.add_compute_seconds(document.cpu_sec)

    async def _read(
        self, work: _Work, file: OpenFile, document: OpenedPdf, reader: PageReader
    ) -> PdfExtract:
        parameters, report = work.parameters, work.report
        numbers = PageRange(parameters.page_start, parameters.page_end).within(document.page_count)
        if parameters.include_images:
            check_images(numbers)
        # Here, not in the child: it has read untrusted bytes, and this is what pages are kept by.
        sha256 = await digest(file)
        cache = PageCache(
            self._cache,
            sha256=sha256,
            engine=reader.engine,
            reads=parameters.use_cache and not parameters.force_refresh,
            writes=parameters.use_cache,
        )
        reading = PdfReading(numbers, report, max_text_bytes=int(self._limits.max_text_mb * 2**20))
        await reading.read(document, reader, cache, work.resources)
        pages = reading.pages
        check_readable(pages)
        work.resources.add_pages(len(pages))
        report.log("info", f"{len(pages)} pages read, {reading.cached} of them from the cache")
        archive = None
        if parameters.include_images:
            archive = await add_images(document, numbers, report)
        return PdfExtract(document.facts, pages, FileFacts(file.name, file.size, sha256), archive)

    async def _transform_text(self, work: _Work, extract: PdfExtract) -> None:
        if self._transform is None or not wants_template(work.parameters):
            work.report.progress(pdf_progress.PAGES_READ)
            return
        work.report.progress(pdf_progress.TEMPLATE_NEXT)
        work.report.progress(pdf_progress.TEMPLATE)
        request = text_request(work.parameters, extract.text)
        extract.transformed = await self._transform(request, work.resources)

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
