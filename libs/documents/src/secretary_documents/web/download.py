"""Downloads one URL into a file without a name. So no file is left, even after kill -9."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import httpx

from secretary_common.errors import ErrorCode, PermanentError, TransientError, UrlRefused
from secretary_common.http.exact_url import joined_url
from secretary_common.http.object_address import is_object_url
from secretary_common.http.retry_after import parse_retry_after
from secretary_common.runtime.clock import Clock, SystemClock
from secretary_documents.web.url_expiry import expiry_of
from secretary_worker import Objects, reserve, temporary_file

MAX_REDIRECTS = 5
# The longest Retry-After that counts; a longer one is shortened to this.
MAX_RETRY_AFTER_SEC = 24 * 3600
# After one of these statuses, or any 5xx, the next attempt may succeed.
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
# A store answers one of these to a signed URL after its time.
_REFUSING = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_CHUNK = 2**16
# The header Content-Disposition (RFC 6266); a name in UTF-8 comes before one for older clients.
_NAME_IN_HEADER = re.compile(r'\bfilename=(?:"([^"]+)"|([^";]+))', re.IGNORECASE)
_UTF8_NAME = re.compile(r"\bfilename\*=utf-8'[^']{0,30}'([^\s;\"]+)", re.IGNORECASE)

ClientFactory = Callable[[], httpx.AsyncClient]


@dataclass(frozen=True, slots=True)
class Download:
    """A finished download and its properties."""

    file: BinaryIO
    size: int
    name: str
    url: str
    """The address after all redirects; the address of an object."""
    content_type: str
    """The header Content-Type; empty if the answer lacks this header."""


@dataclass(frozen=True, slots=True)
class Downloader:
    """Fetches URLs through guarded clients, and objects of stores (``s3://bucket/key``)."""

    client: ClientFactory
    """Makes a client that checks the address of each request and follows no redirects itself."""
    max_bytes: int
    deadline_sec: float = 300.0
    """The deadline of a download, with all its redirects."""
    too_large: ErrorCode = ErrorCode.PDF_TOO_LARGE
    """The error code for more than ``max_bytes``."""
    clock: Clock = field(default_factory=SystemClock)
    """The clock for a Retry-After that is a date."""
    objects: Objects | None = None
    """Reads objects; None: such addresses are refused."""

    @asynccontextmanager
    async def fetch(self, url: str, *, accept: str) -> AsyncIterator[Download]:
        """Download *url* into a file that is gone when the context ends.

        *accept* is the Accept header.

        Raises:
            PermanentError: URL_REFUSED, the guard refuses the URL; FETCH_FAILED, the server refuses
                the request; URL_EXPIRED, the URL was valid until an earlier time; ``too_large``,
                the file has more than ``max_bytes``; S3_…, the object cannot be read.
            TransientError: FETCH_FAILED or S3_UNAVAILABLE, another attempt may succeed.
            WorkerUnfit: the worker has no room for the file.
        """
        with temporary_file() as file:
            yield await self._save(url, accept, file)

    async def _save(self, url: str, accept: str, file: BinaryIO) -> Download:
        try:
            if is_object_url(url) and self.objects is not None:
                return await self._read_object(self.objects, url, file)
            async with asyncio.timeout(self.deadline_sec), self.client() as client:
                return await self._follow(client, url, accept, file)
        except UrlRefused as error:
            raise PermanentError(error.message, code=ErrorCode.URL_REFUSED) from error
        except (httpx.InvalidURL, UnicodeError) as error:  # the latter: the name of the host
            raise PermanentError("the URL does not parse", code=ErrorCode.URL_REFUSED) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise _transient("the server took too long") from error
        except httpx.RequestError as error:
            raise _transient(f"the connection failed ({type(error).__name__})") from error

    async def _read_object(self, objects: Objects, url: str, file: BinaryIO) -> Download:
        async with asyncio.timeout(self.deadline_sec):
            found = await objects.read(url, file, self.max_bytes, too_large=self.too_large)
        name = PurePosixPath(url).name
        return Download(file, found.size, name, url, found.content_type)

    async def _follow(
        self, client: httpx.AsyncClient, url: str, accept: str, file: BinaryIO
    ) -> Download:
        # Without compression, the size limit holds for the file itself.
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        for _ in range(MAX_REDIRECTS + 1):
            request = client.build_request("GET", url, headers=headers)
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                if not response.has_redirect_location:
                    self._check(response, url)
                    size = await self._copy(response, file)
                    content_type = response.headers.get("Content-Type", "")
                    return Download(file, size, _file_name(response, url), url, content_type)
                # The client checks this URL too. httpx's own redirect would change its spelling.
                url = joined_url(url, response.headers["Location"])
            finally:
                await response.aclose()
        raise _refused_by_server(f"more than {MAX_REDIRECTS} redirects")

    def _check(self, response: httpx.Response, url: str) -> None:
        status = response.status_code
        if status in _REFUSING and (until := expiry_of(url)) and until <= self.clock.now():
            message = f"the URL was valid until {until:%Y-%m-%d %H:%M:%S} UTC"
            raise PermanentError(message, code=ErrorCode.URL_EXPIRED)
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            asked = response.headers.get("Retry-After")
            wait_sec = parse_retry_after(asked, self.clock.now(), longest_sec=MAX_RETRY_AFTER_SEC)
            raise _transient(f"the server answered {status}", wait_sec)
        if status != HTTPStatus.OK:
            raise _refused_by_server(f"the server answered {status}")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _refused_by_server("the server sends the file compressed, against the request")

    async def _copy(self, response: httpx.Response, file: BinaryIO) -> int:
        announced = response.headers.get("Content-Length", "")
        size = 0
        if announced.isdecimal() and int(announced) > self.max_bytes:
            raise self._too_large()
        if announced.isdecimal():
            reserve(file, int(announced))
        async for chunk in response.aiter_raw(_CHUNK):
            size += len(chunk)
            if size > self.max_bytes:
                raise self._too_large()
            file.write(chunk)
        file.truncate()  # less may have come than was reserved
        file.flush()
        return size

    def _too_large(self) -> PermanentError:
        message = f"the file has more than {self.max_bytes} bytes"
        return PermanentError(message, code=self.too_large)


def _file_name(response: httpx.Response, url: str) -> str:
    """Return a name for the file, to show it. This name is never used as a path."""
    disposition = response.headers.get("Content-Disposition", "")
    if match := _UTF8_NAME.search(disposition):
        named = unquote(match[1])
    elif match := _NAME_IN_HEADER.search(disposition):
        named = match[1] or match[2]
    else:
        named = unquote(urlsplit(url).path)
    return PurePosixPath(named.replace("\\", "/")).name or "document"


def _transient(message: str, retry_after: float | None = None) -> TransientError:
    return TransientError(message, code=ErrorCode.FETCH_FAILED, retry_after=retry_after)


def _refused_by_server(message: str) -> PermanentError:
    return PermanentError(message, code=ErrorCode.FETCH_FAILED)
