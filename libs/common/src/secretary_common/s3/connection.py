"""Sends signed requests to one store, and repeats those that may succeed later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from random import random

import httpx

from secretary_common.errors import (
    ErrorCode,
    PermanentError,
    SecretaryError,
    TransientError,
    UrlRefused,
)
from secretary_common.http.object_address import ObjectAddress
from secretary_common.http.retry_after import parse_retry_after
from secretary_common.runtime.clock import Clock, SystemClock
from secretary_common.runtime.log import get_logger
from secretary_common.s3.answer import MOST_BYTES, error_of
from secretary_common.s3.requests import StoreRequests
from secretary_common.s3.signing import EMPTY_SHA256, Request
from secretary_common.settings.s3 import S3Connection

log = get_logger(__name__)

MOST_TRIES = 5
FIRST_DELAY_SEC = 0.5
LONGEST_DELAY_SEC = 15.0
_SLICE = 256 * 1024

Client = httpx.AsyncClient
OpenClient = Callable[[], Client]


@dataclass(frozen=True, slots=True)
class Timing:
    """The functions for time and randomness. Tests replace them."""

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    clock: Clock = field(default_factory=SystemClock)
    random: Callable[[], float] = random

    async def pause(self, tries: int, error: SecretaryError) -> None:
        """Wait after the failure of try number *tries*, or raise *error* if it was the last one."""
        if tries >= MOST_TRIES or not isinstance(error, TransientError):
            raise error
        delay = min(FIRST_DELAY_SEC * 2.0 ** (tries - 1), LONGEST_DELAY_SEC)
        asked = min(error.retry_after or 0.0, LONGEST_DELAY_SEC)
        await self.sleep(max(delay, asked) * (1 + self.random() / 4))


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request whose body is small."""

    headers: Mapping[str, str]
    body: bytes


class StoreConnection:
    """Sends requests to the store of one connection. It may be used in any loop."""

    def __init__(
        self, section: S3Connection, open_client: OpenClient, timing: Timing | None = None
    ) -> None:
        """*open_client* opens a client that the address guard checks and that follows no redirect.

        The client is used by one call, in the loop of that call.
        """
        self._open_client = open_client
        self.timing = timing or Timing()
        self._requests = StoreRequests(section)

    def client(self) -> httpx.AsyncClient:
        """Open a client for the requests of one call."""
        return self._open_client()

    async def send(
        self,
        client: httpx.AsyncClient,
        method: str,
        address: ObjectAddress,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | memoryview = b"",
    ) -> Answer:
        """Send a request with a small answer, and repeat it while it may succeed later.

        Raises:
            PermanentError: S3_…, the store refuses the request.
            ConditionFailed: the object is not in the state that *headers* ask for.
            TransientError: S3_UNAVAILABLE, the store refused each try for now, or did not answer.
        """
        digest = await asyncio.to_thread(_digest, body) if body else EMPTY_SHA256
        tries = 0
        while True:
            tries += 1
            try:
                request = self._requests.request(
                    method, address, query=query, headers=headers, payload_sha256=digest
                )
                async with self._exchange(client, request, body) as response:
                    content = await _read(response)
            except SecretaryError as error:
                await self.timing.pause(tries, error)
            else:
                return Answer(response.headers, content)

    @asynccontextmanager
    async def reading(
        self, client: httpx.AsyncClient, address: ObjectAddress, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Send one GET; yield the answer with the object, its body unread. It is not repeated.

        Raises: see ``send``; also if the body breaks off inside of the context.
        """
        request = self._requests.request("GET", address, headers=headers)
        async with self._exchange(client, request, b"") as response:
            yield response

    @asynccontextmanager
    async def _exchange(
        self, client: httpx.AsyncClient, request: Request, body: bytes | memoryview
    ) -> AsyncIterator[httpx.Response]:
        """Send *request* once; yield its answer, if the store has accepted it."""
        clock = self.timing.clock
        headers = self._requests.signed_headers(request, clock.now())
        headers["Accept-Encoding"] = "identity"
        if request.method in ("PUT", "POST"):
            headers["Content-Length"] = str(len(body))
        try:
            built = client.build_request(
                request.method,
                request.url,
                headers=headers,
                content=_slices(body) if body else None,
            )
            response = await client.send(built, stream=True)
            try:
                await _check(response, clock)
                yield response
            finally:
                await response.aclose()
        except UrlRefused as error:
            message = f"the endpoint of the connection is refused: {error.message}"
            raise PermanentError(message, code=ErrorCode.S3_ENDPOINT_REFUSED) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise unavailable("the store took too long") from error
        except httpx.HTTPError as error:
            raise unavailable(f"the connection failed ({type(error).__name__})") from error


def unavailable(message: str) -> TransientError:
    """Return the error of a store that a later attempt may reach."""
    return TransientError(message, code=ErrorCode.S3_UNAVAILABLE)


async def _check(response: httpx.Response, clock: Clock) -> None:
    """Raise the error that the status means. The body of an accepted answer stays unread."""
    if response.is_success:
        return
    error = error_of(response.status_code, await _read(response))
    if isinstance(error, TransientError):
        asked = response.headers.get("Retry-After")
        error.retry_after = parse_retry_after(asked, clock.now(), longest_sec=3600.0)
    raise error or unavailable("the store gave an answer without a meaning")


async def _read(response: httpx.Response) -> bytes:
    """Read a small answer, which may report an error although its status is 200."""
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > MOST_BYTES:
            break
    if response.is_success and (error := error_of(response.status_code, bytes(content))):
        raise error
    return bytes(content)


def _digest(body: bytes | memoryview) -> str:
    return sha256(body).hexdigest()


async def _slices(body: bytes | memoryview) -> AsyncIterator[bytes]:
    """Yield *body* in slices. aiohttp would copy a large body as a whole."""
    view = memoryview(body)
    for start in range(0, len(view), _SLICE):
        yield bytes(view[start : start + _SLICE])
