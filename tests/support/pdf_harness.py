"""The pdf handler with parts that a test controls: the cache, remote readers, templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from support.handler_harness import Recorder, make_job

from secretary_common.errors import ErrorCode, StoreUnavailable
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.documents import PdfSection
from secretary_documents.handlers.pdf.extractor import PdfExtractor
from secretary_documents.handlers.pdf.handler import PdfHandler
from secretary_documents.handlers.pdf.template_step import TemplateStep
from secretary_documents.handlers.source import FileSource
from secretary_documents.pdf.page import Document, OnPage, Page
from secretary_documents.web.download import Downloader
from secretary_worker.sandbox.zygote_client import ZygoteClient

MAX_BYTES = 2**20
LOCALHOST = "127.0.0.0/8"


@dataclass
class RecordingCache:
    """A ``CacheRepository`` in memory that records its calls."""

    entries: dict[str, JsonObject] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    """The number of entries of each write."""
    down: bool = False
    """Whether every call fails."""

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        self._check()
        self.requested += keys
        return {key: self.entries[key] for key in keys if key in self.entries}

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        self._check()
        self.writes.append(len(entries))
        self.entries |= entries

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailable


@dataclass
class ScriptedReader:
    """A remote ``PageReader`` whose text names the page. It fails at the page ``fail_at``."""

    method: str = "mistral_ocr"
    fingerprint: str = "scripted 1"
    fail_at: int | None = None
    error: Exception = field(default_factory=lambda: AssertionError("no error given"))
    requested: list[list[int]] = field(default_factory=list)
    """The page numbers of each call."""
    use_document: Callable[[Document], Any] | None = None
    """Awaited with the document before the pages are read."""

    def check_configured(self) -> None:
        """Accept: this reader needs no configuration."""

    async def read(
        self,
        document: Document,
        pages: Sequence[int],
        on_page: OnPage,
        resources: ResourceCalculator,
    ) -> None:
        self.requested.append(list(pages))
        if self.use_document:
            await self.use_document(document)
        for number in pages:
            if number == self.fail_at:
                raise self.error
            on_page(Page(number, f"{self.method} read {number}", self.method, confidence=0.5))


def make_handler(
    root: Path,
    zygote: ZygoteClient,
    *,
    limits: PdfSection | None = None,
    max_bytes: int = MAX_BYTES,
    deadline_sec: float = 10,
    allow: str = LOCALHOST,
    **wiring: Any,
) -> PdfHandler:
    """Return a handler for files under *root* and URLs in the network *allow*."""
    guard = UrlGuard([ip_network(allow)])
    downloader = Downloader(
        lambda: guarded_client(guard),
        max_bytes=max_bytes,
        deadline_sec=deadline_sec,
        objects=wiring.pop("objects", None),
    )
    extractor_wiring = {name: wiring.pop(name) for name in ("cache", "remote") if name in wiring}
    extractor = PdfExtractor(
        limits=limits or PdfSection(), max_bytes=max_bytes, zygote=zygote, **extractor_wiring
    )
    return PdfHandler(
        extractor=extractor,
        source=FileSource(
            [root],
            max_bytes,
            downloader,
            wiring.pop("uploads", None),
            too_large=ErrorCode.PDF_TOO_LARGE,
        ),
        templates=TemplateStep(wiring.pop("transformer", None)),
        **wiring,
    )


@dataclass
class PdfHarness:
    """Reads files through handlers of one zygote."""

    root: Path
    zygote: ZygoteClient

    def put(self, content: bytes, name: str = "sample.pdf") -> str:
        """Write a file that jobs may name; return its path."""
        path = self.root / name
        path.write_bytes(content)
        return str(path)

    async def read(self, content: bytes | str, **given: Any) -> Recorder:
        """Run a job on *content*, or on the file of that name; return its reports.

        *given*: the job's parameters, the wiring of ``make_handler`` and, as ``job``, fields of
        the job.
        """
        names = ("limits", "max_bytes", "cache", "remote", "transformer")
        wiring = {name: given.pop(name) for name in names if name in given}
        filename = self.put(content) if isinstance(content, bytes) else content
        recorder = Recorder()
        handler = make_handler(self.root, self.zygote, **wiring)
        fields = given.pop("job", {})
        job = make_job("pdf", filename=filename, **given).model_copy(update=fields)
        await handler(job, recorder, ResourceCalculator())
        return recorder


def pages_of(recorder: Recorder) -> list[dict[str, Any]]:
    """Return the pages in the result."""
    assert recorder.results is not None
    found: list[dict[str, Any]] = recorder.results["metadata"]["text_contents"]
    return found
