"""The target of a job in a real store: names, content, and attempts that have lost their job."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from support.raw_server import raw_server
from support.store_harness import BUCKET, pieces_of

from secretary_common.errors import PermanentError, TransientError
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.models import FileInfo, FileKind, Job, JobFile
from secretary_common.s3.buckets import Buckets
from secretary_common.settings.s3 import S3Connection, S3Section
from secretary_common.testing.files import InMemoryFileRepository
from secretary_devstack.servers.s3_server import S3Server
from secretary_worker.access.objects import ANY_NETWORK
from secretary_worker.access.target import TargetWriter
from secretary_worker.attempt.commands import Results

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = f"s3://{BUCKET}/out/"
NAMES = ["Bericht ü (1).md", "page_1.png"]


def job_at(attempt: int, *, job_id: str = "job-1", target: str = TARGET) -> Job:
    times = dict.fromkeys(("run_at", "created_at", "updated_at"), NOW)
    return Job(job_id=job_id, job_type="pdf", owner="key", attempt=attempt, target=target, **times)


async def files_in(store: InMemoryFileRepository, content: bytes) -> list[JobFile]:
    found = []
    for name in NAMES:
        info = FileInfo(kind=FileKind.FILE, owner="key", name=name, created_at=NOW)
        stored = await store.save(pieces_of(content)(), info)
        found.append(
            JobFile(
                name=name,
                file_id=stored.file_id,
                size=stored.size,
                sha256=stored.sha256,
                content_type="text/markdown",
            )
        )
    return found


def writer_for(connection: dict[str, Any], files: InMemoryFileRepository) -> TargetWriter:
    section = S3Section(connections={"one": S3Connection.model_validate(connection)})
    guard = UrlGuard(ANY_NETWORK)
    return TargetWriter(files, Buckets(section), lambda _: guarded_client(guard), deadline_sec=30)


def stored_under(boto: Any, prefix: str) -> dict[str, bytes]:
    listed = boto.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    keys = [one["Key"] for one in listed]
    return {key: boto.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


async def test_the_objects_have_the_names_of_the_job_and_its_files(
    s3_server: S3Server, boto: Any
) -> None:
    store = InMemoryFileRepository()
    files = await files_in(store, b"content")
    write = writer_for(s3_server.connection(BUCKET), store)
    await write(job_at(1), Results({"text": "ü" * 300_000}), files)
    found = stored_under(boto, "out/job-1/")
    assert sorted(found) == sorted(
        ["out/job-1/results.json", *(f"out/job-1/files/{name}" for name in NAMES)]
    )
    assert json.loads(found["out/job-1/results.json"]) == {"text": "ü" * 300_000}
    kind = boto.head_object(Bucket=BUCKET, Key=f"out/job-1/files/{NAMES[0]}")["ContentType"]
    assert kind == "text/markdown"


async def test_a_worker_that_has_lost_its_job_damages_no_result(
    s3_server: S3Server, boto: Any
) -> None:
    store = InMemoryFileRepository()
    write = writer_for(s3_server.connection(BUCKET), store)
    lost, second = await files_in(store, b"of the lost"), await files_in(store, b"of the second")
    await write(job_at(1, job_id="job-2"), None, lost[:1])  # it was lost in the middle
    await write(job_at(2, job_id="job-2"), Results({"by": 2}), second)
    with pytest.raises(PermanentError) as overtaken:
        await write(job_at(1, job_id="job-2"), Results({"by": 1}), lost)
    assert overtaken.value.code == "S3_OVERTAKEN"
    found = stored_under(boto, "out/job-2/")
    assert found.pop("out/job-2/results.json") == b'{"by":2}'
    assert set(found.values()) == {b"of the second"}
    assert len(found) == 2


async def test_a_repeated_write_of_an_attempt_gives_the_same_objects(
    s3_server: S3Server, boto: Any
) -> None:
    store = InMemoryFileRepository()
    files = await files_in(store, b"content")
    write = writer_for(s3_server.connection(BUCKET), store)
    for _ in range(2):
        await write(job_at(1, job_id="job-3"), Results({"n": 1}), files)
    assert len(stored_under(boto, "out/job-3/")) == 3


async def test_the_worker_checks_the_target_again(s3_server: S3Server) -> None:
    write = writer_for(s3_server.connection(f"{BUCKET}/out/"), InMemoryFileRepository())
    job = job_at(1, target=f"s3://{BUCKET}/elsewhere/")
    with pytest.raises(PermanentError) as refused:
        await write(job, Results({}), [])
    assert refused.value.code == "S3_BUCKET_REFUSED"


async def test_a_store_that_never_answers_ends_at_the_deadline() -> None:
    async with raw_server(b"") as server:
        connection = {
            "endpoint": f"http://127.0.0.1:{server.port}",
            "buckets": [BUCKET],
            "access_key_id": "k",
            "secret_access_key": "s",
        }
        one = writer_for(connection, InMemoryFileRepository())
        write = TargetWriter(one.files, one.buckets, one.open_client, deadline_sec=0.2)
        with pytest.raises(TransientError) as late:
            await write(job_at(1), Results({}), [])
    assert late.value.code == "S3_UNAVAILABLE"
