"""The document handler with real children, for files in a folder of the test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.handler_harness import Recorder, make_job

from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.settings.documents import DocumentsSection, PdfSection
from secretary_documents.handlers.document.handler import DocumentHandler
from secretary_documents.handlers.document.reader_factory import make_document_reader
from secretary_documents.handlers.pdf.extractor import PdfExtractor
from secretary_documents.handlers.source import FileSource
from secretary_documents.web.download import Downloader
from secretary_worker.sandbox.zygote_client import ZygoteClient

MAX_BYTES = 16 * 2**20


@dataclass
class DocumentHarness:
    """Reads files through handlers of the same zygotes."""

    root: Path
    pdf_zygote: ZygoteClient
    file_zygote: ZygoteClient

    async def read(self, content: bytes, **given: Any) -> Recorder:
        """Run a job on *content*; return its reports.

        *given*: the job's parameters, and ``cache``, ``limits`` and ``pdf`` for the handler.
        """
        name = given.pop("name", "sample")
        path = self.root / name
        path.write_bytes(content)
        pdf = given.pop("pdf", PdfSection())
        extractor = PdfExtractor(
            limits=pdf,
            max_bytes=MAX_BYTES,
            zygote=self.pdf_zygote,
            cache=given.pop("cache", None),
        )
        documents = given.pop("limits", DocumentsSection())
        guard = UrlGuard([])
        handler = DocumentHandler(
            reader=make_document_reader(extractor, self.file_zygote, documents=documents, pdf=pdf),
            source=FileSource(
                [self.root],
                MAX_BYTES,
                Downloader(lambda: guarded_client(guard), max_bytes=MAX_BYTES),
            ),
        )
        recorder = Recorder()
        job = make_job("document", filename=str(path), **given)
        await handler(job, recorder, ResourceCalculator())
        return recorder


def documents_of(recorder: Recorder) -> list[dict[str, Any]]:
    """Return the documents in the result."""
    assert recorder.results is not None
    found: list[dict[str, Any]] = recorder.results["documents"]
    return found
