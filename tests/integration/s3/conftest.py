"""A local S3 server that verifies signatures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.store_harness import BUCKET, store_of

from secretary_common.s3.connection import StoreConnection
from secretary_devstack.servers.s3_server import S3Server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture
def boto(s3_server: S3Server) -> Iterator[Any]:
    """An independent client for the server."""
    client = s3_server.client()
    yield client
    client.close()


@pytest.fixture
def store(s3_server: S3Server) -> StoreConnection:
    return store_of(s3_server)
