"""Opens the file that a job names: on the server, by URL, in a store, or an upload."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.web.download import Downloader
from secretary_worker import OpenFile, Uploads, open_under_roots, private_copy

SOURCES = ("filename", "url", "file_id")
"""The parameters that name a file. A job has exactly one of them."""


class NamesFile(Protocol):
    """Parameters that name one file."""

    @property
    def filename(self) -> str | None:
        """A file in one of the allowed folders."""
        ...

    @property
    def url(self) -> str | None:
        """An http or https URL, or the address of an object, ``s3://bucket/key``."""
        ...

    @property
    def file_id(self) -> str | None:
        """The id of an upload."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """Opens the files that jobs name. One instance serves all jobs at the same time."""

    roots: Iterable[Path]
    """The folders whose files jobs may name."""
    max_bytes: int
    """The largest file, in bytes, however a job names it."""
    downloader: Downloader
    uploads: Uploads | None = None
    """Opens uploads. With None, jobs that name an upload fail."""
    too_large: ErrorCode = ErrorCode.FILE_TOO_LARGE
    """The error code for a larger file."""

    @asynccontextmanager
    async def open(self, named: NamesFile, owner: str, *, accept: str) -> AsyncIterator[OpenFile]:
        """Open the file that *named* names, for a job of the API key *owner*.

        *accept* is the Accept header of a download. No other process can change the opened file.

        Raises:
            PermanentError: FILE_OUTSIDE_ROOTS, FILE_NOT_FOUND, URL_REFUSED, URL_EXPIRED,
                FETCH_FAILED, S3_…, or ``too_large``.
            TransientError: FETCH_FAILED or S3_UNAVAILABLE, another attempt may succeed.
            WorkerUnfit: the worker has no room for the file.
        """
        max_bytes, too_large = self.max_bytes, self.too_large
        if named.filename is not None:
            with open_under_roots(
                named.filename, self.roots, max_bytes, too_large=too_large
            ) as original:
                async with private_copy(original, max_bytes, too_large=too_large) as file:
                    yield file
        elif named.url is not None:
            downloader = replace(self.downloader, max_bytes=max_bytes, too_large=too_large)
            async with downloader.fetch(named.url, accept=accept) as download:
                yield OpenFile(download.file.fileno(), download.name, download.size)
        elif named.file_id is not None and self.uploads is not None:
            upload = self.uploads.open(named.file_id, owner, max_bytes, too_large=too_large)
            async with upload as file:
                yield file
        else:
            raise PermanentError("this worker has no uploads", code=ErrorCode.FILE_NOT_FOUND)
