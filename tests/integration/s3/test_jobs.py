"""Handlers read the objects that their job may name, through the shared source of all job types."""

from __future__ import annotations

import os
from typing import Any

import pytest
from support.presigned_store import presigned_store
from support.store_harness import BUCKET, presigned

from secretary_common.errors import PermanentError
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.s3.buckets import Buckets
from secretary_common.settings.s3 import S3Section
from secretary_devstack.servers.s3_server import S3Server
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.handlers.source import FileSource
from secretary_documents.web.download import Downloader
from secretary_worker import Objects
from secretary_worker.access.job_scope import JobScope, job_scope
from secretary_worker.access.objects import ANY_NETWORK

URL = f"s3://{BUCKET}/in/report.pdf"


def guarded() -> Any:
    return guarded_client(UrlGuard(ANY_NETWORK))


def source_of(server: S3Server | None = None, **more: Any) -> FileSource:
    connections = {} if server is None else {"one": server.connection(f"{BUCKET}/in/")}
    section = S3Section.model_validate({"connections": connections, **more})
    objects = Objects(Buckets(section), lambda _: guarded())
    return FileSource([], 1000, Downloader(guarded, max_bytes=1000, objects=objects))


async def content_of(source: FileSource, url: str, scope: JobScope | None = None) -> bytes:
    with job_scope(scope or JobScope("owner")):
        async with source.open(PdfParameters(url=url), "owner", accept="*/*") as file:
            assert file.name == url.rpartition("/")[2].partition("?")[0]
            return os.pread(file.fd, file.size, 0)


async def code_of(source: FileSource, url: str, scope: JobScope | None = None) -> str:
    with pytest.raises(PermanentError) as refused:
        await content_of(source, url, scope)
    return refused.value.code


async def test_a_job_reads_an_object_by_its_address(s3_server: S3Server, boto: Any) -> None:
    boto.put_object(Bucket=BUCKET, Key="in/report.pdf", Body=b"%PDF-1.7")
    assert await content_of(source_of(s3_server), URL) == b"%PDF-1.7"


async def test_the_worker_checks_the_address_again(s3_server: S3Server, boto: Any) -> None:
    boto.put_object(Bucket=BUCKET, Key="in/report.pdf", Body=b"%PDF-1.7")
    source = source_of(s3_server, uploads=f"s3://{BUCKET}/in/uploads/")
    assert await code_of(source, f"s3://{BUCKET}/out/a.pdf") == "S3_BUCKET_REFUSED"
    assert await code_of(source, URL, JobScope("owner", None, [])) == "S3_BUCKET_REFUSED"
    other = f"s3://{BUCKET}/in/uploads/other/a.pdf"
    assert await code_of(source, other) == "S3_BUCKET_REFUSED"
    assert await code_of(source, "s3://x/../y") == "S3_ADDRESS_INVALID"
    assert await code_of(source, f"s3://{BUCKET}/in/missing.pdf") == "S3_OBJECT_NOT_FOUND"
    assert await code_of(source_of(), URL) == "S3_BUCKET_REFUSED"


async def test_an_object_over_the_limit_of_the_job_type_is_refused(
    s3_server: S3Server, boto: Any
) -> None:
    boto.put_object(Bucket=BUCKET, Key="in/large.pdf", Body=b"x" * 1001)
    large = f"s3://{BUCKET}/in/large.pdf"
    assert await code_of(source_of(s3_server), large) == "FILE_TOO_LARGE"


async def test_a_presigned_url_is_read_until_its_time_is_over() -> None:
    async with presigned_store("key", "secret") as server:
        server.objects[f"/{BUCKET}/a.pdf"] = b"content"
        address = f"s3://{BUCKET}/a.pdf"
        url = presigned(server.origin, "GET", address, 60)
        assert await content_of(source_of(), url) == b"content"
        old = presigned(server.origin, "GET", address, 60, made_ago_sec=61)
        assert await code_of(source_of(), old) == "URL_EXPIRED"
        assert await code_of(source_of(), url.replace("a.pdf", "b.pdf")) == "FETCH_FAILED"
