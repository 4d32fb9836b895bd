"""A handler opens the upload that its job names."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

import pytest
from support.engine_harness import Engine, engine

from secretary_common.errors import ErrorCode
from secretary_common.models import FileInfo, FileKind, Job, JobStatus
from secretary_common.testing.files import PIECE_BYTES
from secretary_worker import ResourceCalculator, SecretaryJobRepository

CONTENT = os.urandom(2 * PIECE_BYTES + 7)


async def stored(worker: Engine, owner: str = "key-1", kind: FileKind = FileKind.UPLOAD) -> str:
    async def content() -> AsyncIterator[bytes]:
        yield CONTENT

    now = datetime(2026, 1, 1, tzinfo=UTC)
    info = FileInfo(kind=kind, owner=owner, name="Bericht ü.txt", created_at=now)
    return (await worker.files.save(content(), info)).file_id


async def test_a_handler_reads_the_whole_upload_in_its_own_loop_and_no_file_stays_open() -> None:
    seen: dict[str, Any] = {}
    files: list[BinaryIO] = []

    async def handle(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        async with repo.open_upload(job.parameters["file_id"]) as upload:
            files.append(upload.file)
            seen["upload"] = (upload.name, upload.size)
            seen["read"] = await asyncio.to_thread(upload.file.read)
            seen["links"] = os.fstat(upload.file.fileno()).st_nlink
        seen["loop"] = asyncio.get_running_loop()

    async with engine(handle) as worker:
        named = {"file_id": await stored(worker)}
        job = await worker.ended(await worker.submit(parameters=named))
    assert (job.status, job.error) == (JobStatus.COMPLETED, None)
    assert seen["upload"] == ("Bericht ü.txt", len(CONTENT))
    assert seen["read"] == CONTENT
    assert seen["links"] == 0  # no kill can leave the file behind
    assert seen["loop"] is not asyncio.get_running_loop()
    assert [file.closed for file in files] == [True]


async def fails_with(worker: Engine, file_id: Any) -> tuple[str | None, int]:
    job = await worker.ended(await worker.submit(parameters={"file_id": file_id}))
    return job.error.code if job.error else None, job.attempt


async def test_an_upload_that_the_jobs_key_may_not_open_fails_the_job_at_once() -> None:
    async def handle(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        async with repo.open_upload(job.parameters["file_id"]):
            pytest.fail("it was opened")

    async with engine(handle) as worker:
        named = [
            await stored(worker, owner="key-2"),
            await stored(worker, kind=FileKind.FILE),
            await stored(worker, kind=FileKind.CACHE),
            "file-unknown",
            {"$gt": ""},
            None,
        ]
        for file_id in named:
            assert await fails_with(worker, file_id) == (ErrorCode.FILE_NOT_FOUND, 1), file_id
