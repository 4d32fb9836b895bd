"""Reads files in this program: ``Extractor``, and the functions that share one of them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, Literal, TypedDict, TypeVar, Unpack

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.documents import DocumentsSection, PdfSection
from secretary_documents.embedded.document import Document, DocumentFailure, ExtractedPage
from secretary_documents.embedded.memory_report import MemoryRepository, OnProgress
from secretary_documents.embedded.source import MAX_BYTES, Source, opened
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.document.document_reader import DocumentReader, DocumentTask
from secretary_documents.handlers.document.parameters import DocumentParameters
from secretary_documents.handlers.document.read_document import ReadDocument
from secretary_documents.handlers.document.reader_factory import FILE_CHILD, make_document_reader
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.pdf.extractor import CHILD as PDF_CHILD
from secretary_documents.handlers.pdf.extractor import PdfExtractor
from secretary_documents.handlers.pdf.output_files import Contents, whole_document
from secretary_worker import ZygoteClient

Result = TypeVar("Result")


class ExtractOptions(TypedDict, total=False):
    """The parameters of a ``document`` job that need no server (docs/documents.md)."""

    output: Literal["text", "markdown", "html", "json"]
    extraction_method: Literal["native", "ocr", "combined"]
    page_start: int
    page_end: int
    language: Sequence[str]
    ocr_engine: Literal["auto", "tesseract", "rapidocr"]
    password: str
    keep_headers: bool
    include_images: bool
    pictures: JsonObject
    tables: JsonObject
    annotations: bool
    chunks: JsonObject
    attachments: bool


class Extractor:
    """Reads files in child processes with limits. Thread-safe; one instance serves a program.

    Its children end with the program, or with ``close``.
    """

    def __init__(
        self, *, documents: DocumentsSection | None = None, pdf: PdfSection | None = None
    ) -> None:
        """*documents* and *pdf*: the limits, as in config.yaml."""
        self._documents = documents or DocumentsSection()
        self._pdf = pdf or PdfSection()
        self._zygotes = [ZygoteClient(PDF_CHILD), ZygoteClient(FILE_CHILD)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="secretary-extract", daemon=True)
        self._thread.start()
        self._reader = self._make_reader()

    def extract(
        self,
        source: Source,
        *,
        name: str | None = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[ExtractOptions],
    ) -> Document:
        """Return the document in *source*, a path or the bytes of a file.

        Args:
            source: the path of a file, or its bytes.
            name: the name to show; by default that of the path.
            on_progress: called from another thread with a message and percent.
            options: the form of the text and more, see ``ExtractOptions``.

        Raises:
            PermanentError: the file cannot be read, is no regular file, or an option is not valid;
                its ``code`` says why.
            TransientError: a child was killed from outside; another call may succeed.
            CancelledError: another thread has closed the extractor.
            OSError: there is no such file, or it cannot be opened.
            TypeError: *source* is neither a path nor bytes.
        """
        reading = self._submitted(self._read(source, name, on_progress, options))
        try:
            return reading.result()
        except BaseException:
            reading.cancel()  # after Ctrl-C, the caller does not wait any more
            raise

    async def extract_async(
        self,
        source: Source,
        *,
        name: str | None = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[ExtractOptions],
    ) -> Document:
        """Return the document in *source*, as ``extract`` does, without blocking the event loop."""
        reading = self._submitted(self._read(source, name, on_progress, options))
        return await asyncio.wrap_future(reading)

    def close(self) -> None:
        """End the children. Calls under way are cancelled."""
        for zygote in self._zygotes:
            zygote.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(_end_readings())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _submitted(self, work: Coroutine[Any, Any, Result]) -> concurrent.futures.Future[Result]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _make_reader(self) -> DocumentReader:
        pdf_zygote, file_zygote = self._zygotes
        extractor = PdfExtractor(limits=self._pdf, max_bytes=MAX_BYTES, zygote=pdf_zygote)
        return make_document_reader(
            extractor, file_zygote, documents=self._documents, pdf=self._pdf
        )

    async def _read(
        self,
        source: Source,
        name: str | None,
        on_progress: OnProgress | None,
        options: ExtractOptions,
    ) -> Document:
        given = {"filename": "document", **options}
        parameters = parse_parameters(DocumentParameters, given)
        repository = MemoryRepository(on_progress)
        task = DocumentTask(parameters, JobReport("extract", repository), ResourceCalculator())
        self._reader.check(task)
        with opened(source, name) as file:
            documents = await self._reader.read(task, file)
        return _tree(documents, parameters, repository)


async def _end_readings() -> None:
    """Cancel all other tasks of this event loop, and wait until they have removed their files."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _tree(
    documents: Sequence[ReadDocument], parameters: DocumentParameters, given: MemoryRepository
) -> Document:
    """Return the first of *documents* with the others inside it."""
    inside: dict[int | None, list[Document]] = {}
    made: Document | None = None
    for one in reversed(documents):
        children = list(reversed(inside.get(one.index, [])))
        own = {} if one.parent is not None else given.files
        warnings = [] if one.parent is not None else given.warnings
        made = _document(one, parameters, children, own, warnings)
        inside.setdefault(one.parent, []).append(made)
    if made is None:
        raise PermanentError("nothing was read", code=ErrorCode.PROCESSING_ERROR)
    return made


def _document(
    one: ReadDocument,
    parameters: DocumentParameters,
    children: Sequence[Document],
    files: dict[str, bytes],
    warnings: Sequence[str],
) -> Document:
    extract, output = one.extract, parameters.text_output
    pages = extract.pages if extract else []
    title = (extract.document.title if extract else None) or one.name
    failure = DocumentFailure(one.error.code, one.error.message) if one.error else None
    return Document(
        name=one.name,
        format=one.format.name if one.format else None,
        media_type=one.format.media_type if one.format else None,
        size=one.size,
        sha256=one.sha256,
        title=extract.document.title if extract else None,
        author=extract.document.author if extract else None,
        page_count=extract.document.page_count if extract else 0,
        output=output,
        text=_text(Contents(pages, title), output),
        pages=[
            ExtractedPage(page.number, page.text, page.method, page.name, page.confidence)
            for page in pages
        ],
        parts=extract.more if extract else {},
        files=files,
        documents=children,
        warnings=warnings,
        failure=failure,
    )


def _text(contents: Contents, output: str) -> str:
    if output in ("html", "json"):
        return whole_document(contents, output) if contents.pages else ""
    return "\n\n".join(page.text for page in contents.pages if page.text)


_lock = threading.Lock()
_of_parents: list[Extractor | None] = []
"""Extractors of parent processes. They are kept, because nothing here may close their sockets."""
_shared: Extractor | None = None


def _shared_extractor() -> Extractor:
    global _shared  # noqa: PLW0603 - one for the whole program
    with _lock:
        if _shared is None:
            _shared = Extractor()
        return _shared


def _forget() -> None:
    """Forget the extractor of the parent process, whose thread a fork does not have."""
    global _shared, _lock
    _of_parents.append(_shared)
    _shared, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)


def extract(
    source: Source,
    *,
    name: str | None = None,
    on_progress: OnProgress | None = None,
    **options: Unpack[ExtractOptions],
) -> Document:
    """Return the document in *source*; see ``Extractor.extract``. The default is Markdown."""
    shared = _shared_extractor()
    return shared.extract(source, name=name, on_progress=on_progress, **options)


async def extract_async(
    source: Source,
    *,
    name: str | None = None,
    on_progress: OnProgress | None = None,
    **options: Unpack[ExtractOptions],
) -> Document:
    """Return the document in *source*, as ``extract`` does, without blocking the event loop."""
    shared = _shared_extractor()
    return await shared.extract_async(source, name=name, on_progress=on_progress, **options)
