"""Uploads that wait for others, or for their client, end with a code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from support import api_harness
from support.api_harness import ADMIN_KEY, MAX_UPLOAD_BYTES, Api, error_of, running_api

from secretary_api.files.upload_limits import UploadLimits

BEGINNING = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\ncontent'
END = b"\r\n--XX--\r\n"


async def upload(api: Api, goes_on: asyncio.Event, key: str = ADMIN_KEY) -> httpx.Response:
    """Upload the beginning of a file, and its end once *goes_on* is set."""

    async def body() -> AsyncIterator[bytes]:
        yield BEGINNING
        await goes_on.wait()
        yield END

    headers = {"Content-Type": "multipart/form-data; boundary=XX"}
    return await api.request("POST", "/api/files", key=key, content=body(), headers=headers)


async def until_begun(api: Api, number: int) -> None:
    async with asyncio.timeout(30):
        while True:
            if len(api.files.begun) >= number:
                return
            await asyncio.sleep(0.01)


async def test_an_upload_whose_turn_does_not_come_is_refused_with_429(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = UploadLimits(max_bytes=MAX_UPLOAD_BYTES, at_once=1, per_key=2, turn_sec=0.01)
    monkeypatch.setattr(api_harness, "UPLOAD_LIMITS", few)
    waiting, at_once = asyncio.Event(), asyncio.Event()
    at_once.set()
    async with running_api() as api, asyncio.TaskGroup() as group:
        crowd = [group.create_task(upload(api, waiting)) for _ in range(2)]
        await until_begun(api, 2)
        answer = await upload(api, at_once)
        error_of(answer, 429, "RATE_LIMITED")
        assert answer.headers["retry-after"] == "5"
        # The first upload of each key has a turn, whatever the other keys do.
        assert (await upload(api, at_once, await api.new_key())).status_code == 201
        waiting.set()
    assert [one.result().status_code for one in crowd] == [201, 201]


async def test_an_upload_that_comes_too_slowly_is_refused_with_408(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hasty = UploadLimits(max_bytes=MAX_UPLOAD_BYTES, total_sec=0.01)
    monkeypatch.setattr(api_harness, "UPLOAD_LIMITS", hasty)
    async with running_api() as api:
        error = error_of(await upload(api, asyncio.Event()), 408, "REQUEST_TIMEOUT")
        assert "files.upload_sec" in error["message"]
        assert not api.files.whole
