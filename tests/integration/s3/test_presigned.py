"""Presigned URLs, at a store that checks their signature, their headers and their time."""

from __future__ import annotations

import httpx
from support.presigned_store import presigned_store
from support.store_harness import BUCKET, presigned

ADDRESS = f"s3://{BUCKET}/up loads/ä+.pdf"
HEADERS = {"Content-Type": "application/pdf", "Content-Length": "7"}


async def put(url: str, content: bytes, content_type: str = "application/pdf") -> int:
    async with httpx.AsyncClient() as client:
        answer = await client.put(url, content=content, headers={"Content-Type": content_type})
    return answer.status_code


async def test_a_presigned_url_takes_only_the_announced_size_and_type() -> None:
    async with presigned_store("key", "secret") as server:
        url = presigned(server.origin, "PUT", ADDRESS, 60, HEADERS)
        assert await put(url, b"content") == 200
        assert await put(url, b"longer content") == 403
        assert await put(url, b"content", "text/html") == 403
        assert list(server.objects.values()) == [b"content"]


async def test_a_presigned_url_ends_at_its_time() -> None:
    async with presigned_store("key", "secret") as server:
        for expires_sec, status in ((60, 403), (70, 200)):
            url = presigned(server.origin, "PUT", ADDRESS, expires_sec, HEADERS, made_ago_sec=61)
            assert await put(url, b"content") == status
