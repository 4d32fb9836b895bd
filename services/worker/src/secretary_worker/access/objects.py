"""Reads the objects that a job names into temporary files, from stores that the operator named."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import BinaryIO

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.http.egress import guarded_client
from secretary_common.http.tls import client_tls
from secretary_common.http.url_guard import UrlGuard
from secretary_common.runtime.temporary_file import temporary_file
from secretary_common.s3.buckets import Buckets, parse_object
from secretary_common.s3.connection import Client, StoreConnection
from secretary_common.s3.download import Download, ReadObject
from secretary_common.settings.s3 import S3Connection
from secretary_common.settings.service import SecuritySection
from secretary_worker.access.job_scope import current_scope
from secretary_worker.access.source import OpenFile

ANY_NETWORK = (ip_network("0.0.0.0/0"), ip_network("::/0"))
OpenStoreClient = Callable[[S3Connection], Client]
"""Opens a client for the endpoint of a connection, which the address guard has to allow."""


def store_clients(security: SecuritySection) -> OpenStoreClient:
    """Return a function that opens guarded clients. No client follows a redirect.

    Only the client of a connection with ``allow_private`` connects to any address.
    """
    guard, proxy = security.url_guard(), security.proxy()
    anywhere = UrlGuard(ANY_NETWORK, allow_hosts=security.allow_hosts)
    tls = functools.cache(lambda: client_tls(security.ca_file))  # it takes tens of milliseconds

    def open_client(connection: S3Connection) -> Client:
        return guarded_client(
            anywhere if connection.allow_private else guard,
            timeout_sec=connection.timeout_sec,
            tls=tls(),
            proxy=proxy,
        )

    return open_client


@dataclass(frozen=True, slots=True)
class Objects:
    """Reads objects of stores (``s3://bucket/key``). May be used from any loop."""

    buckets: Buckets
    open_client: OpenStoreClient

    @asynccontextmanager
    async def open(
        self, url: str, max_bytes: int, *, too_large: str = ErrorCode.FILE_TOO_LARGE
    ) -> AsyncIterator[OpenFile]:
        """Open a temporary copy of the object at *url*, which the job in this context names.

        Raises: see ``read``.
        """
        with temporary_file() as file:
            found = await self.read(url, file, max_bytes, too_large=too_large)
            yield OpenFile(file.fileno(), parse_object(url).name, found.size)

    async def read(
        self,
        url: str,
        file: BinaryIO,
        max_bytes: int,
        *,
        too_large: str = ErrorCode.FILE_TOO_LARGE,
    ) -> ReadObject:
        """Read the object at *url*, which the job in this context names, into an empty *file*.

        The address must come from the job's parameters, never from a document or a web page,
        because the worker reads with the key of the operator.

        Raises:
            PermanentError: S3_ADDRESS_INVALID; S3_BUCKET_REFUSED, jobs of this API key may not name
                the object; S3_OBJECT_NOT_FOUND; S3_ACCESS_DENIED; *too_large*; another S3_… code.
            TransientError: S3_UNAVAILABLE, a later attempt may succeed.
            OSError: the file has no room.
        """
        address, scope = parse_object(url), current_scope()
        if scope is None:
            message = "only a job may read objects"
            raise PermanentError(message, code=ErrorCode.S3_BUCKET_REFUSED)
        section = self.buckets.connection(address, scope.owner, scope.s3_places)
        connection = StoreConnection(section, lambda: self.open_client(section))
        download = Download(connection, address, file, max_bytes=max_bytes, too_large=too_large)
        return await download.run()
