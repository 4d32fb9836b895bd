"""Reads a file of any format, and the files inside it, each in a child of its own."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job
from secretary_common.settings.documents import DocumentsSection
from secretary_documents.formats.format import FORMATS, Format, Way
from secretary_documents.formats.sandboxed_file import FileSandbox, PageForms, SandboxedFile
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.document.member_report import (
    FileCount,
    MemberReport,
    documents_progress,
)
from secretary_documents.handlers.document.parameters import DocumentParameters
from secretary_documents.handlers.document.read_document import ReadDocument
from secretary_documents.handlers.pdf import progress
from secretary_documents.handlers.pdf.extractor import PdfExtractor
from secretary_documents.handlers.pdf.images import add_images, check_images
from secretary_documents.handlers.pdf.output_files import check_file_count
from secretary_documents.handlers.pdf.parts import add_parts
from secretary_documents.handlers.pdf.reader_factory import other_outputs
from secretary_documents.handlers.pdf.result import PdfExtract, PdfFile
from secretary_documents.office.libre_office import LibreOffice
from secretary_documents.pdf.page import PageRange, WholeDocument
from secretary_documents.pdf.sandboxed_document import PDF_MARK, DocumentInfo
from secretary_worker import OpenFile, digest

_CHILD_IS_GONE = (
    ErrorCode.PARSE_TIMEOUT,
    ErrorCode.PARSE_MEMORY_LIMIT,
    ErrorCode.PARSER_CRASHED,
)


@dataclass(slots=True)
class DocumentTask:
    """One file to read, with its parameters and the receivers of progress and usage."""

    parameters: DocumentParameters
    report: JobReport
    resources: ResourceCalculator
    job: Job | None = None
    documents: list[ReadDocument] = field(default_factory=list)
    """The documents so far, the file of the job first."""
    files: FileCount = field(default_factory=FileCount)
    unpacked_bytes: int = 0
    """The bytes of all files inside of files so far."""
    text_bytes: int = 0
    """The bytes of the text of all documents so far."""


@dataclass(frozen=True, slots=True)
class _Current:
    """The document that is being read."""

    document: ReadDocument
    file: OpenFile
    report: MemberReport
    depth: int
    """How many files it lies in."""


class DocumentReader:
    """Reads files of all formats. One instance serves all jobs."""

    def __init__(
        self,
        pdf: PdfExtractor,
        files: FileSandbox,
        limits: DocumentsSection,
        *,
        office: LibreOffice,
        max_text_bytes: int,
    ) -> None:
        """Wire the reader.

        Args:
            pdf: reads PDFs, and pictures as PDFs.
            files: reads all other files.
            limits: the limits of one job.
            office: converts old office files.
            max_text_bytes: the most text of all documents of a job, in bytes of UTF-8.
        """
        self._pdf = pdf
        self._files = files
        self._limits = limits
        self._office = office
        self._max_text_bytes = max_text_bytes

    def check(self, task: DocumentTask) -> None:
        """Refuse a task that no worker like this can do. Call this before the file is fetched.

        Raises:
            PermanentError: OCR_LANGUAGE_MISSING, OCR_ENGINE_MISSING, MISTRAL_NOT_CONFIGURED or
                VISION_NOT_CONFIGURED.
        """
        self._pdf.task(task.parameters, task.report, task.resources, task.job)

    async def read(self, task: DocumentTask, file: OpenFile) -> list[ReadDocument]:
        """Return the documents in *file*, the file itself first.

        If a document inside the file cannot be read, it has an error, and the others are read.

        Raises:
            PermanentError: the file itself cannot be read, or no file in an archive.
            TransientError: another attempt may succeed.
        """
        await self._read(task, file, None, 0)
        first, *others = task.documents
        errors = [one.error for one in others if one.error is not None]
        if first.format == FORMATS["zip"] and others and len(errors) == len(others):
            name = others[0].name[:200]
            message = f"no file in the archive can be read; {name}: {errors[0].message}"
            raise PermanentError(message, code=errors[0].code, details=errors[0].details)
        return task.documents

    async def _read(
        self, task: DocumentTask, file: OpenFile, parent: int | None, depth: int
    ) -> None:
        document = ReadDocument(len(task.documents), file.name, file.size, parent)
        task.documents.append(document)
        report = MemberReport(task.report, document.index, file.name, task.files)
        current = _Current(document, file, report, depth)
        try:
            document.sha256 = await digest(file)
            if os.pread(file.fd, len(PDF_MARK), 0) == PDF_MARK:
                document.format = FORMATS["pdf"]
                await self._read_pages(task, current, task.parameters, file)
            else:
                await self._read_file(task, current)
        except PermanentError as error:
            if parent is None or task.text_bytes > self._max_text_bytes:
                raise
            document.extract, document.error = None, error
            task.report.log("warning", f"{file.name[:200]} is not read: {error.message}")

    async def _read_file(self, task: DocumentTask, current: _Current) -> None:
        """Find the format of a file that is no PDF, and read the file."""
        async with self._files.file(current.file, task.resources) as file:
            current.document.format = found = await file.detect()
            if found.way is Way.BLOCKS:
                await self._read_blocks(task, current, found, file)
            elif found.becomes is not None:
                await self._read_converted(task, current, found, FORMATS[found.becomes])
            elif found.way is Way.PICTURES:
                parameters = _recognising(task.parameters)
                async with file.as_pdf(found) as made:
                    await self._read_pages(task, current, parameters, made)
            else:  # the mark of the PDF is not at its start
                await self._read_pages(task, current, task.parameters, current.file)

    async def _read_converted(
        self, task: DocumentTask, current: _Current, found: Format, made: Format
    ) -> None:
        """Read a file of the format *found*, which LibreOffice converts into the format *made*."""
        async with (
            self._office.converted(current.file, found) as file,
            self._files.file(file, task.resources) as converted,
        ):
            await self._read_blocks(task, current, made, converted)

    async def _read_pages(
        self, task: DocumentTask, current: _Current, parameters: DocumentParameters, file: OpenFile
    ) -> None:
        """Read a PDF."""
        report = current.report
        pdf_task = self._pdf.task(parameters, report, task.resources, task.job)
        async with self._pdf.open(pdf_task, file) as pdf:
            numbers = pdf.numbers()
            check_file_count(parameters, len(numbers))
            if parameters.include_images:
                check_images(numbers)
            extract = await pdf.read()
            if parameters.include_images:
                extract.images_archive = await add_images(pdf.document, numbers, report)
            await self._finish(task, current, parameters, extract, pdf.document)

    async def _read_blocks(
        self, task: DocumentTask, current: _Current, found: Format, file: SandboxedFile
    ) -> None:
        """Read a file of another format, then the files inside it."""
        pictures = task.parameters.pictures
        await file.open(found, min_points=None if pictures is None else pictures.min_points)
        current.report.progress(progress.FILE_READ)
        if file.page_count:
            await self._read_text(task, current, file)
        if task.parameters.attachments and file.info.members:
            await self._read_members(task, current, file)
        else:
            current.document.members = file.info.members

    async def _read_text(self, task: DocumentTask, current: _Current, file: SandboxedFile) -> None:
        parameters, info = _possible(task.parameters, file), file.info
        numbers = PageRange(parameters.page_start, parameters.page_end).within(file.page_count)
        output = parameters.text_output
        forms = PageForms(output, other_outputs(parameters), parameters.keep_headers)
        extract = PdfExtract(
            DocumentInfo(info.page_count, info.title, info.author, repaired=False),
            [page async for pages in file.pages(numbers, forms) for page in pages],
            PdfFile(current.file.name, current.file.size, ""),
        )
        task.resources.add_pages(len(numbers))
        if not (parameters.attachments and info.members):
            for step in progress.page_progress(len(numbers), len(numbers)):
                current.report.progress(step)
        await self._finish(task, current, parameters, extract, file)

    async def _finish(
        self,
        task: DocumentTask,
        current: _Current,
        parameters: DocumentParameters,
        extract: PdfExtract,
        content: WholeDocument,
    ) -> None:
        """Count the text of a document, and add its files and the other parts of its result."""
        task.text_bytes += sum(page.size for page in extract.pages)
        if task.text_bytes > self._max_text_bytes:
            message = f"the documents have more than {self._max_text_bytes} bytes of text"
            raise PermanentError(message, code=ErrorCode.PARSE_MEMORY_LIMIT)
        document, report = current.document, current.report
        extract.pages = [report.renamed(page) for page in extract.pages]
        extract.file = PdfFile(document.name, document.size, document.sha256 or "")
        await add_parts(extract, content, parameters, report)
        extract.more = report.renamed_parts(extract.more)
        document.extract = extract

    async def _read_members(
        self, task: DocumentTask, current: _Current, file: SandboxedFile
    ) -> None:
        """Read the files inside of *file*."""
        members, limits = file.info.members, self._limits
        if current.depth >= limits.max_depth:
            message = f"archives and mails lie more than {limits.max_depth} deep in each other"
            raise PermanentError(message, code=ErrorCode.DOCUMENT_TOO_LARGE)
        if len(task.documents) + len(members) > limits.max_documents:
            message = f"the job has more than {limits.max_documents} documents"
            raise PermanentError(message, code=ErrorCode.DOCUMENT_TOO_LARGE)
        for index, (name, size) in enumerate(members):
            if not current.depth:
                task.report.progress(documents_progress(index + 1, len(members), name))
            task.unpacked_bytes += size
            if task.unpacked_bytes > limits.max_unpacked_mb * 2**20:
                message = f"the files unpack to more than {limits.max_unpacked_mb:g} MB"
                raise PermanentError(message, code=ErrorCode.DOCUMENT_TOO_LARGE)
            await self._read_member(task, current, file, index)

    async def _read_member(
        self, task: DocumentTask, current: _Current, file: SandboxedFile, index: int
    ) -> None:
        parent = current.document.index
        async with AsyncExitStack() as stack:
            try:
                member = await stack.enter_async_context(file.member(index))
            except PermanentError as error:
                if error.code in _CHILD_IS_GONE:
                    raise
                name, size = file.info.members[index]
                failed = ReadDocument(len(task.documents), name, size, parent, error=error)
                task.documents.append(failed)
                return
            await self._read(task, member, parent, current.depth + 1)


def _possible(parameters: DocumentParameters, file: SandboxedFile) -> DocumentParameters:
    """Return *parameters* for the text of a mail: only files inside it can become a PDF."""
    if not (parameters.is_searchable and file.info.members):
        return parameters
    others = [output for output in parameters.outputs if output != "pdf"]
    return parameters.model_copy(update={"output": others or "text"})


def _recognising(parameters: DocumentParameters) -> DocumentParameters:
    """Return *parameters* for a picture, which has no text in the file."""
    if parameters.extraction_method != "native":
        return parameters
    return parameters.model_copy(update={"extraction_method": "ocr"})
