"""Reads pages with Mistral's OCR.

Without failures a piece of a document takes three requests: ``POST /files`` (multipart,
``purpose=ocr``), ``POST /ocr`` with the ``file_id``, and ``DELETE /files/{id}``. The reader
tries to delete the upload even after a failure or a cancellation, because Mistral keeps uploads for
30 days.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject, new_token
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import PROVIDER_UPLOADS_LEFT
from secretary_common.settings.provider import MistralSection
from secretary_documents.concurrency import finish_if_cancelled, run_each
from secretary_documents.pdf.page import Document, OnPage
from secretary_documents.providers.connection import (
    FormFile,
    OpenClient,
    ProviderConnection,
    ProviderRequest,
    Timing,
)
from secretary_documents.providers.mistral_response import METHOD, OcrResponse, read_ocr_response
from secretary_documents.providers.provider import Provider, ProviderClient, open_client
from secretary_documents.providers.response import InvalidResponse, ProviderRefused

log = get_logger(__name__)

REMOVE_SEC = 4.0
"""The time limit for the deletion of an upload. The engine waits 5 s for a cancelled handler."""


@dataclass(frozen=True, slots=True)
class _Piece:
    numbers: Sequence[int]
    content: bytes


class MistralReader(ProviderClient):
    """A ``PageReader`` that uses Mistral's OCR. One instance serves all jobs."""

    def __init__(
        self,
        section: MistralSection,
        *,
        open_client: OpenClient = open_client,
        timing: Timing | None = None,
    ) -> None:
        self._section = section
        self.provider = Provider(section, open_client=open_client, timing=timing)

    @property
    def fingerprint(self) -> str:
        """The method, the model and the provider's address."""
        return f"{METHOD}:{self._section.model}@{self._section.base_url}"

    async def read(
        self,
        document: Document,
        pages: Sequence[int],
        on_page: OnPage,
        resources: ResourceCalculator,
    ) -> None:
        """Read *pages*, ``pages_per_request`` at a time.

        *on_page* gets the pages of a response, one by one, when the whole response is there.

        Raises:
            PermanentError: MISTRAL_NOT_CONFIGURED; PDF_TOO_LARGE, one page is larger than a
                request may be; PROVIDER_…
            TransientError: PROVIDER_…
        """
        self.check_configured()
        async with self.provider.connected(resources) as connection:
            reading = _Reading(self._section, connection, document, on_page, resources)
            await run_each(reading.pieces(pages), reading.read, parallel=self._section.parallel)


class _Reading:
    """Reads the pieces of one document."""

    def __init__(
        self,
        section: MistralSection,
        connection: ProviderConnection,
        document: Document,
        on_page: OnPage,
        resources: ResourceCalculator,
    ) -> None:
        self._section = section
        self._connection = connection
        self._document = document
        self._on_page = on_page
        self._resources = resources

    async def pieces(self, pages: Sequence[int]) -> AsyncIterator[_Piece]:
        """Yield PDFs of *pages*, each small enough for one request."""
        size = self._section.pages_per_request
        for first in range(0, len(pages), size):
            for numbers, content in await self._cut(pages[first : first + size]):
                yield _Piece(numbers, content)

    async def read(self, piece: _Piece) -> None:
        """Read *piece* and report its pages. Missing pages are requested once more."""
        answer = await self._recognise(piece)
        if missing := _missing(piece.numbers, answer):
            log.warning("mistral.pages_missing", pages=missing, fault=answer.fault)
            again = _Piece(missing, await self._document.subset(missing))
            answer = await self._recognise(again)
            missing = _missing(missing, answer)
        if missing:
            raise InvalidResponse("mistral", answer.fault or "pages are missing", pages=missing)

    async def _cut(self, numbers: Sequence[int]) -> list[tuple[Sequence[int], bytes]]:
        content = await self._document.subset(numbers)
        limit = int(self._section.max_request_mb * 2**20)
        if len(content) <= limit:
            return [(numbers, content)]
        if len(numbers) == 1:
            message = f"page {numbers[0]} alone has {len(content)} bytes; mistral accepts {limit}"
            raise PermanentError(message, code=ErrorCode.PDF_TOO_LARGE)
        middle = len(numbers) // 2
        return [*await self._cut(numbers[:middle]), *await self._cut(numbers[middle:])]

    async def _recognise(self, piece: _Piece) -> OcrResponse:
        upload = _Upload(self._connection)
        try:
            file_id = await upload.send(piece.content)
            response = await self._connection.send(
                ProviderRequest("POST", "/ocr", payload=_ocr_request(self._section.model, file_id))
            )
        finally:
            await finish_if_cancelled(upload.remove())
        answer = read_ocr_response(response.data, piece.numbers)
        cost = answer.billed_pages * self._section.price_per_page
        self._resources.add_cost(self._section.model, cost)
        for page in answer.pages:
            self._on_page(page)
        return answer


def _ocr_request(model: str, file_id: str) -> JsonObject:
    return {
        "model": model,
        "document": {"type": "file", "file_id": file_id},
        "include_image_base64": False,
        "include_blocks": False,  # the default is true, and blocks are large
        "confidence_scores_granularity": "page",
    }


def _missing(numbers: Sequence[int], answer: OcrResponse) -> list[int]:
    found = {page.number for page in answer.pages}
    return [number for number in numbers if number not in found]


class _Upload:
    """A file that is stored at Mistral for a short time, under a unique name."""

    def __init__(self, connection: ProviderConnection) -> None:
        self._connection = connection
        self._name = f"secretary-{new_token()}.pdf"
        self._file_id: str | None = None
        self._may_have_more = False
        """Whether Mistral may have a copy with an unknown id, because a response was lost."""

    async def send(self, content: bytes) -> str:
        """Upload *content* and return the file's id."""
        request = ProviderRequest(
            "POST",
            "/files",
            form={"purpose": "ocr"},
            file=FormFile(self._name, content, "application/pdf"),
        )
        self._may_have_more = True
        try:
            response = await self._connection.send(request)
        except PermanentError as error:
            self._may_have_more = error.code == ErrorCode.PROVIDER_INVALID_ANSWER
            raise
        file_id = response.data.get("id")
        if not isinstance(file_id, str) or not file_id:
            raise InvalidResponse("mistral", "the upload has no id")
        self._file_id = file_id
        self._may_have_more = response.tries > 1
        return file_id

    async def remove(self) -> None:
        """Try to delete all copies of the upload. A failure is logged and counted, not raised."""
        try:
            async with asyncio.timeout(REMOVE_SEC):
                if self._file_id is not None:
                    await self._delete(self._file_id)
                if self._may_have_more:
                    for file_id in await self._stored_ids():
                        await self._delete(file_id)
        except (SecretaryError, TimeoutError) as error:
            PROVIDER_UPLOADS_LEFT.labels("mistral").inc()
            fault = f"{type(error).__name__}: {error}"
            log.warning("mistral.upload_left", file_id=self._file_id, name=self._name, fault=fault)

    async def _delete(self, file_id: str) -> None:
        request = ProviderRequest("DELETE", f"/files/{quote(file_id, safe='')}")
        try:
            await self._connection.send(request, queued=False)
        except ProviderRefused as error:
            # 404: an earlier try deleted the file, and its response was lost.
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def _stored_ids(self) -> list[str]:
        """Return the ids of all files at Mistral with the name of this upload."""
        query = {"search": self._name, "purpose": "ocr"}
        request = ProviderRequest("GET", "/files", query=query)
        response = await self._connection.send(request, queued=False)
        files = response.data.get("data")
        return [
            str(file["id"])
            for file in (files if isinstance(files, list) else [])
            if isinstance(file, dict) and file.get("filename") == self._name and file.get("id")
        ]
