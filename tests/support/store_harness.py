"""Stores for tests: a connection to a server on this machine, without waiting between tries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from secretary_common.http.egress import guarded_client
from secretary_common.http.object_address import ObjectAddress
from secretary_common.http.url_guard import UrlGuard
from secretary_common.runtime.temporary_file import temporary_file
from secretary_common.s3.connection import StoreConnection, Timing
from secretary_common.s3.download import Download, ReadObject
from secretary_common.s3.requests import StoreRequests
from secretary_common.s3.upload import Content, NewObject, Upload
from secretary_common.settings.s3 import S3Connection
from secretary_devstack.servers.s3_server import S3Server
from secretary_worker.access.objects import ANY_NETWORK

BUCKET = "documents"
TOO_LARGE = "FILE_TOO_LARGE"


async def no_sleep(_: float) -> None:
    """Return at once."""


def section_of(endpoint: str, *buckets: str, **more: Any) -> S3Connection:
    """Return the settings of a connection to any endpoint."""
    return S3Connection.model_validate(
        {
            "endpoint": endpoint,
            "buckets": list(buckets) or [BUCKET],
            "access_key_id": "key",
            "secret_access_key": "secret",
            **more,
        }
    )


def store_at(
    endpoint: str, *buckets: str, guard: UrlGuard | None = None, **more: Any
) -> StoreConnection:
    """Return a connection to any endpoint."""
    section = section_of(endpoint, *buckets, **more)
    allowed = guard or UrlGuard(ANY_NETWORK)
    return StoreConnection(
        section,
        lambda: guarded_client(allowed, timeout_sec=section.timeout_sec),
        Timing(sleep=no_sleep, random=lambda: 0.0),
    )


def store_of(server: S3Server, **more: Any) -> StoreConnection:
    """Return a connection to the bucket ``BUCKET`` of *server*."""
    settings = server.connection(BUCKET, **more)
    return store_at(settings.pop("endpoint"), **settings)


def presigned(
    endpoint: str,
    method: str,
    url: str,
    expires_sec: int,
    headers: dict[str, str] | None = None,
    *,
    made_ago_sec: float = 0,
    **more: Any,
) -> str:
    """Return a presigned URL for the object at *url*, as it was made some time ago."""
    return StoreRequests(section_of(endpoint, **more)).presigned(
        method,
        ObjectAddress.parse(url),
        now=datetime.now(UTC) - timedelta(seconds=made_ago_sec),
        expires_sec=expires_sec,
        headers=headers,
    )


async def read(
    store: StoreConnection, url: str, *, max_bytes: int = 2**30
) -> tuple[bytes, ReadObject]:
    """Return the content of an object, and its properties."""
    address = ObjectAddress.parse(url)
    with temporary_file() as file:
        done = await Download(store, address, file, max_bytes=max_bytes, too_large=TOO_LARGE).run()
        file.seek(0)
        return file.read(), done


async def write(
    store: StoreConnection,
    url: str,
    content: bytes,
    *,
    writer: int = 1,
    sha256: str = "",
    piece: int = 2**20,
) -> None:
    """Write *content* in pieces."""
    new = NewObject(
        ObjectAddress.parse(url), pieces_of(content, piece), "text/plain", len(content), sha256
    )
    async with store.client() as client:
        await Upload(store, client, new, writer=writer).run()


def pieces_of(content: bytes, size: int = 2**20) -> Content:
    """Return a function that yields *content* in pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), size):
            yield content[start : start + size]

    return pieces
