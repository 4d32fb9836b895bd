"""The one way to a provider: one request, its answer's JSON, repeated while that makes sense.

The key is sent and never shown. One deadline lies over each request, dripping bodies included; an
answer has a size limit, comes unpacked, and no redirect is followed. Cancelling ends it at once.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_network
from random import random

import httpx

from secretary_common.errors import (
    ErrorCode,
    PermanentError,
    SecretaryError,
    TransientError,
    UrlRefused,
)
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.runtime.clock import Clock, SystemClock
from secretary_common.runtime.metrics import PROVIDER_REQUESTS
from secretary_common.settings.provider import ProviderSection
from secretary_documents.concurrency import ConcurrencyLimit
from secretary_documents.providers.call import Body, Call, Reply
from secretary_documents.providers.repeat import pause_sec
from secretary_documents.providers.response import InvalidResponse, read_response, unavailable

USER_AGENT = "Secretary/1"
MAX_RESPONSE_BYTES = 32 * 2**20
# The operator names the provider, no user does: it may well be an Ollama on this machine.
ANYWHERE = UrlGuard([ip_network("0.0.0.0/0"), ip_network("::/0")])


@dataclass(frozen=True, slots=True)
class Timing:
    """What is needed of time and chance; tests bring their own."""

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    clock: Clock = field(default_factory=SystemClock)
    random: Callable[[], float] = random


class Provider:
    """A provider as it is configured. Safe to share between jobs, threads and event loops."""

    def __init__(
        self,
        section: ProviderSection,
        *,
        timing: Timing | None = None,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        self.section = section
        self.timing = timing or Timing()
        self.max_response_bytes = max_response_bytes
        self.limit = ConcurrencyLimit(section.parallel)
        """For the requests of all jobs in the running loop."""

    @property
    def name(self) -> str:
        """Its section's name in the configuration."""
        return self.section.NAME

    def check_configured(self, *, model: str | None = None) -> None:
        """Refuse what cannot be asked yet, saying which settings to make.

        Args:
            model: what a job asks for in place of the configured one.

        Raises:
            PermanentError: <NAME>_NOT_CONFIGURED.
        """
        missing = self.section.missing(model=model)
        if missing:
            code = ErrorCode[f"{self.name.upper()}_NOT_CONFIGURED"]
            variables = ", ".join(
                f"SECRETARY_{name.upper().replace('.', '__')}" for name in missing
            )
            message = f"{self.name} is not configured: set {' and '.join(missing)} ({variables})"
            raise PermanentError(message, code=code, details={"settings": list(missing)})

    @asynccontextmanager
    async def connected(self, resources: ResourceCalculator) -> AsyncIterator[Connection]:
        """A connection for the calls of one job; *resources* counts them."""
        timeout_sec = self.section.timeout_sec
        async with guarded_client(ANYWHERE, timeout_sec=timeout_sec, tls=self._tls) as client:
            yield Connection(self, client, resources)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        if self.section.base_url.startswith("http:"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Reading the authorities takes tens of milliseconds: once, not for each job.
        return httpx.create_ssl_context(trust_env=False)


class ProviderClient:
    """What asks one provider, and can say beforehand whether that may work."""

    provider: Provider

    def check_configured(self) -> None:
        """Refuse what cannot work yet.

        Raises:
            PermanentError: <NAME>_NOT_CONFIGURED, with the settings to make.
        """
        self.provider.check_configured()


class Connection:
    """Calls a provider; from ``Provider.connected``."""

    def __init__(
        self, provider: Provider, client: httpx.AsyncClient, resources: ResourceCalculator
    ) -> None:
        self._provider = provider
        self._client = client
        self._resources = resources

    async def call(self, call: Call, *, queued: bool = True) -> Reply:
        """Make *call*, repeated while the provider fails and ``retry_sec`` is not over.

        Who is told to wait keeps its place among the ``parallel``: the others would be told the
        same. Not *queued* goes at once: tidying up waits for nobody.

        Raises:
            PermanentError: see ``read_response``.
            TransientError: the last failure, with the ``Retry-After`` that came with it.
        """
        body = Body.of(call)
        async with self._provider.limit.permit() if queued else nullcontext():
            return await self._repeat(call, body)

    async def _repeat(self, call: Call, body: Body) -> Reply:
        timing, retry_sec = self._provider.timing, self._provider.section.retry_sec
        started, tries = timing.monotonic(), 0
        while True:
            tries += 1
            try:
                return Reply(await self._counted(call, body), tries)
            except TransientError as error:
                pause = pause_sec(
                    tries,
                    asked_sec=error.retry_after,
                    left_sec=retry_sec - (timing.monotonic() - started),
                    random=timing.random(),
                )
                if pause is None:
                    raise
            await timing.sleep(pause)

    async def _counted(self, call: Call, body: Body) -> JsonObject:
        self._resources.add_api_calls()
        outcome = "cancelled"
        try:
            data = await self._try(call, body)
            outcome = "ok"
        except SecretaryError as error:
            outcome = str(error.code)
            raise
        finally:
            PROVIDER_REQUESTS.labels(self._provider.name, outcome).inc()
        return data

    async def _try(self, call: Call, body: Body) -> JsonObject:
        name, timeout_sec = self._provider.name, self._provider.section.timeout_sec
        try:
            async with asyncio.timeout(timeout_sec):
                return await self._exchange(call, body)
        except (TimeoutError, httpx.TimeoutException):
            raise unavailable(name, f"nothing complete within {timeout_sec:.4g} s") from None
        except httpx.RequestError as error:
            raise unavailable(name, f"the connection failed ({type(error).__name__})") from None
        except (UrlRefused, httpx.InvalidURL) as error:
            message = f"{name}.base_url cannot be used: {error}"
            raise PermanentError(message, code=ErrorCode.PROVIDER_REFUSED) from None

    async def _exchange(self, call: Call, body: Body) -> JsonObject:
        section = self._provider.section
        request = self._client.build_request(
            call.method,
            f"{section.base_url}{call.path}",
            params=call.query,
            headers=self._headers(body),
            content=body.content,
            data=dict(call.form) if call.form else None,
            files=body.files,
        )
        response = await self._client.send(request, stream=True)
        try:
            return read_response(
                section.NAME,
                response.status_code,
                response.headers,
                await self._read(response),
                secret=section.api_key.get_secret_value(),
                clock=self._provider.timing.clock,
            )
        finally:
            await response.aclose()

    def _headers(self, body: Body) -> dict[str, str]:
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            # No unpacking, so no decompression bombs.
            "Accept-Encoding": "identity",
        }
        if key := self._provider.section.api_key.get_secret_value():
            headers["Authorization"] = f"Bearer {key}"
        if body.content is not None:
            headers["Content-Type"] = "application/json"
        return headers

    async def _read(self, response: httpx.Response) -> bytes:
        name, limit = self._provider.name, self._provider.max_response_bytes
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise InvalidResponse(name, "it is packed, unasked")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > limit:
                raise InvalidResponse(name, f"it has more than {limit} bytes")
        return bytes(body)
