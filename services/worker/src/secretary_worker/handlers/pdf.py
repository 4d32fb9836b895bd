"""The ``pdf`` job: the text of a PDF, page by page, read in a child process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import Job, JobProgress, JobStatus, JsonObject, LogLevel
from secretary_common.resources import ResourceCalculator
from secretary_common.settings import PdfSection
from secretary_worker.confinement import Limits
from secretary_worker.handlers import pdf_progress
from secretary_worker.handlers.contract import Reporter, Uploads
from secretary_worker.handlers.pdf_parameter import PdfParameters, parse_pdf_parameters
from secretary_worker.handlers.pdf_result import build_result
from secretary_worker.sandbox import Bounds, Sandbox
from secretary_worker.source import OpenFile, check_pdf_mark, open_under_roots
from secretary_worker.web.download import Downloader

CHILD = "secretary_worker.extract.child"
ACCEPT = "application/pdf, */*;q=0.5"


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
    ) -> None:
        """Wire the handler.

        Args:
            roots: the folders whose files jobs may name.
            max_bytes: of a PDF from there; the downloader has its own limit.
            limits: what one document may use up, and where more OCR languages lie.
            downloader: for jobs that name a URL.
            uploads: for jobs that name an upload; none: nobody can.
        """
        self._roots = list(roots)
        self._max_bytes = max_bytes
        self._limits = limits
        self._downloader = downloader
        self._uploads = uploads
        self._sandbox = Sandbox(
            Limits(memory_bytes=limits.memory_mb * 2**20, cpu_sec=limits.cpu_sec),
            Bounds(timeout_sec=limits.timeout_sec),
        )

    async def __call__(
        self, job: Job, repo: Reporter, resource_calculator: ResourceCalculator
    ) -> None:
        """Read the PDF *job* names, report each page, leave the result, complete the job.

        Raises:
            PermanentError: bad parameters, or a file or document that cannot be read.
            TransientError: a download that may work the next time.
        """
        report = _Report(job.job_id, repo)
        report.progress(pdf_progress.INITIALIZING)
        parameters = parse_pdf_parameters(job.parameters)
        report.log("info", f"PDF extraction started, method {parameters.extraction_method}")
        report.progress(pdf_progress.READING_FILE)
        async with self._source(parameters, job.owner) as file:
            resource_calculator.add_bytes(file.size)
            check_pdf_mark(file)
            report.progress(pdf_progress.FILE_READ)
            reading = _Reading(report)
            cpu_sec = await self._sandbox.run(
                CHILD, self._request(parameters, file), on_message=reading.take, files=[file.fd]
            )
        resource_calculator.add_pages(len(reading.pages))
        resource_calculator.add_compute_seconds(cpu_sec)
        report.progress(pdf_progress.PAGES_READ)
        result = reading.result(file, resource_calculator.usage())
        report.progress(pdf_progress.FINALIZING)
        await repo.update_job_results(job.job_id, result)
        report.log("info", f"{len(reading.pages)} pages read")
        report.progress(pdf_progress.COMPLETED)
        await repo.update_job_status(job.job_id, JobStatus.COMPLETED)

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

    def _request(self, parameters: PdfParameters, file: OpenFile) -> JsonObject:
        password, tessdata = parameters.password, self._limits.tessdata
        return {
            "path": file.path,
            "password": None if password is None else password.get_secret_value(),
            "max_pages": self._limits.max_pages,
            "method": parameters.extraction_method,
            "page_start": parameters.page_start,
            "page_end": parameters.page_end,
            "languages": parameters.language,
            "tessdata": None if tessdata is None else str(tessdata.absolute()),
        }


class _Report:
    """Tells the engine about one job; nobody waits for these writes."""

    def __init__(self, job_id: str, repo: Reporter) -> None:
        self._job_id = job_id
        self._repo = repo

    def progress(self, progress: JobProgress) -> None:
        self._repo.update_job_progress(self._job_id, progress)

    def log(self, level: LogLevel, message: str) -> None:
        self._repo.add_log_entry(self._job_id, level, message)


class _Reading:
    """Collects what the child sends."""

    def __init__(self, report: _Report) -> None:
        self.pages: list[JsonObject] = []
        self._document: JsonObject | None = None
        self._total = 0
        self._report = report

    def take(self, message: JsonObject) -> None:
        if document := message.get("document"):
            self._begin(document)
        elif page := message.get("page"):
            self._add(page)

    def result(self, file: OpenFile, usage: JsonObject) -> JsonObject:
        if self._document is None:
            raise PermanentError("the parser said nothing", code=ErrorCode.PARSER_CRASHED)
        return build_result(
            self._document, self.pages, file_name=file.name, file_size=file.size, usage=usage
        )

    def _begin(self, document: JsonObject) -> None:
        self._document = document
        self._total = document["last"] - document["first"] + 1
        if document["repaired"]:
            message = "the file is damaged and was repaired: text may be missing"
            self._report.log("warning", message)
        self._advance()

    def _add(self, page: JsonObject) -> None:
        self.pages.append(page)
        if page.get("reason") == "unreadable":
            self._report.log("warning", f"page {page['page']} cannot be read")
        self._advance()

    def _advance(self) -> None:
        for progress in pdf_progress.page_progress(len(self.pages), self._total):
            self._report.progress(progress)
