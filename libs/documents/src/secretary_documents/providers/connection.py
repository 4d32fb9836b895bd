"""Sends requests to a provider and returns the JSON of the responses. Repeats temporary failures.

Each try of a request has its own deadline, even if the response arrives byte by byte. A response
has a size limit and must not be compressed. Redirects are not followed. If the caller is
cancelled, the request ends at once. No error contains the key.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from random import random

import httpx

from secretary_common.errors import (
    ErrorCode,
    PermanentError,
    SecretaryError,
    TransientError,
    UrlRefused,
)
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.observing.tracing import Kind, span
from secretary_common.runtime.clock import Clock, SystemClock
from secretary_common.runtime.metrics import PROVIDER_REQUESTS
from secretary_common.settings.provider import ProviderSection
from secretary_documents.concurrency import ConcurrencyLimit
from secretary_documents.providers.response import InvalidResponse, read_response, unavailable

HttpClient = httpx.AsyncClient
OpenClient = Callable[[float], HttpClient]
"""Opens a client whose timeout, in seconds, applies to each single connect, read and write."""
USER_AGENT = "Secretary/1"
FIRST_DELAY_SEC = 0.5
MAX_RETRIES = 4
JITTER = 0.25


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file in a form."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One request. The body is *payload* as JSON, or *form* with *file*, or empty."""

    method: str
    path: str
    """Relative to the provider's ``base_url``."""
    payload: JsonObject | None = None
    form: Mapping[str, str | Sequence[str]] | None = None
    file: FormFile | None = None
    query: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """The response to a request."""

    data: JsonObject
    tries: int
    """How often the request was sent. The provider may have carried it out as often."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The functions for time and randomness. Tests replace these functions."""

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    clock: Clock = field(default_factory=SystemClock)
    random: Callable[[], float] = random


@dataclass(frozen=True, slots=True)
class _Body:
    """The body of a request, encoded once for all tries: bytes, or the files of a form."""

    content: bytes | None
    files: dict[str, tuple[str, bytes, str]] | None

    @classmethod
    def of(cls, request: ProviderRequest) -> _Body:
        content = None
        if request.payload is not None:
            # A lone surrogate cannot be encoded, so it becomes a question mark.
            text = json.dumps(request.payload, ensure_ascii=False, allow_nan=False)
            content = text.encode("utf-8", "replace")
        if request.file is None:
            return cls(content, None)
        sent = request.file
        return cls(content, {"file": (sent.name, sent.content, sent.content_type)})


class ProviderConnection:
    """Sends the requests of one job to a provider. ``Provider.connected`` returns it."""

    def __init__(
        self,
        section: ProviderSection,
        client: httpx.AsyncClient,
        resources: ResourceCalculator,
        *,
        limit: ConcurrencyLimit,
        timing: Timing,
        max_response_bytes: int,
    ) -> None:
        self._section = section
        self._client = client
        self._resources = resources
        self._limit = limit
        self._timing = timing
        self._max_response_bytes = max_response_bytes

    async def send(self, request: ProviderRequest, *, queued: bool = True) -> ProviderResponse:
        """Send *request*. After a temporary failure repeat it, within ``retry_sec``.

        A request that gets 429 keeps its permit while it waits, because the provider would refuse
        the next request too. With *queued* False a request needs no permit, so that the deletion of
        uploads does not wait for other jobs.

        Raises:
            PermanentError: see ``read_response``.
            TransientError: the last failure, with the ``Retry-After`` of its response.
        """
        body = _Body.of(request)
        async with self._limit.permit() if queued else nullcontext():
            return await self._send_with_retries(request, body)

    async def _send_with_retries(self, request: ProviderRequest, body: _Body) -> ProviderResponse:
        timing = self._timing
        started, tries = timing.monotonic(), 0
        while True:
            tries += 1
            try:
                return ProviderResponse(await self._send_counted(request, body), tries)
            except TransientError as error:
                delay_sec = retry_delay_sec(
                    tries,
                    retry_after_sec=error.retry_after,
                    left_sec=self._section.retry_sec - (timing.monotonic() - started),
                    random=timing.random(),
                )
                if delay_sec is None:
                    raise
            await timing.sleep(delay_sec)

    async def _send_counted(self, request: ProviderRequest, body: _Body) -> JsonObject:
        self._resources.add_api_calls()
        outcome = "cancelled"
        try:
            with span(f"{self._section.NAME} {request.path}", kind=Kind.CLIENT):
                data = await self._send_once(request, body)
            outcome = "ok"
        except SecretaryError as error:
            outcome = str(error.code)
            raise
        finally:
            PROVIDER_REQUESTS.labels(self._section.NAME, outcome).inc()
        return data

    async def _send_once(self, request: ProviderRequest, body: _Body) -> JsonObject:
        name, timeout_sec = self._section.NAME, self._section.timeout_sec
        try:
            async with asyncio.timeout(timeout_sec):
                return await self._exchange(request, body)
        except (TimeoutError, httpx.TimeoutException):
            raise unavailable(name, f"no complete answer within {timeout_sec:.4g} s") from None
        except httpx.RequestError as error:
            raise unavailable(name, f"the connection failed ({type(error).__name__})") from None
        except (UrlRefused, httpx.InvalidURL) as error:
            message = f"{name}.base_url cannot be used: {error}"
            raise PermanentError(message, code=ErrorCode.PROVIDER_REFUSED) from None

    async def _exchange(self, request: ProviderRequest, body: _Body) -> JsonObject:
        section = self._section
        built = self._client.build_request(
            request.method,
            f"{section.base_url}{request.path}",
            params=request.query,
            headers=self._headers(body),
            content=body.content,
            data=dict(request.form) if request.form else None,
            files=body.files,
        )
        response = await self._client.send(built, stream=True)
        try:
            return read_response(
                section.NAME,
                response.status_code,
                response.headers,
                await self._read(response),
                secret=section.api_key.get_secret_value(),
                clock=self._timing.clock,
            )
        finally:
            await response.aclose()

    def _headers(self, body: _Body) -> dict[str, str]:
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            # Without compression a small response cannot become a large one.
            "Accept-Encoding": "identity",
        }
        if key := self._section.api_key.get_secret_value():
            headers["Authorization"] = f"Bearer {key}"
        if body.content is not None:
            headers["Content-Type"] = "application/json"
        return headers

    async def _read(self, response: httpx.Response) -> bytes:
        name, limit = self._section.NAME, self._max_response_bytes
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise InvalidResponse(name, "it is compressed, although the request forbids it")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > limit:
                raise InvalidResponse(name, f"it has more than {limit} bytes")
        return bytes(body)


def retry_delay_sec(
    failures: int, *, retry_after_sec: float | None, left_sec: float, random: float
) -> float | None:
    """Return the seconds until the next try; None if the request must not be repeated now.

    The delay after failure n is 2^(n-1) * 0.5 s, or the provider's ``Retry-After`` if that is
    longer, plus a jitter of at most 25 %:

        n      1      2    3    4
        delay  0.5 s  1 s  2 s  4 s

    Args:
        failures: the number of failures so far, at least 1.
        retry_after_sec: the provider's ``Retry-After``.
        left_sec: the rest of the time in which the request may be repeated.
        random: a number in [0, 1).
    """
    if failures > MAX_RETRIES:
        return None
    delay_sec = max(FIRST_DELAY_SEC * 2.0 ** (failures - 1), retry_after_sec or 0.0)
    delay_sec *= 1 + JITTER * random
    return delay_sec if delay_sec <= left_sec else None
