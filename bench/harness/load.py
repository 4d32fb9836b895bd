"""Submits jobs over a few connections, with as little CPU as possible.

Each connection sends its next request when it has the last answer. There is no task and no future
for a request, and only the status and the job's id of an answer are read.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PATH = "/api/jobs/"
ANSWER_SEC = 60.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_JOB_ID = re.compile(rb'"job_id": *"([^"]+)"')
_ACCEPTED = b" 202 "


class RequestFailed(Exception):
    """The system did not accept a job; the message has its answer."""


@dataclass
class Submitted:
    """The accepted jobs in the order of their answers."""

    seconds: float = 0.0
    """From the first request to the last answer."""
    job_ids: list[str] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)
    """From each request to its answer."""
    sent_at: list[float] = field(default_factory=list)
    """The Unix time of each request."""


def request_of(url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> bytes:
    """Return the bytes of a request that submits a job."""
    content = json.dumps(body, separators=(",", ":")).encode()
    lines = {
        "Host": urlsplit(url).netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + content


class _Load:
    """What the connections share."""

    def __init__(self, request: bytes, jobs: int, per_sec: float | None) -> None:
        self.request = request
        self.submitted = Submitted()
        self._left = jobs
        self._jobs = jobs
        self._per_sec = per_sec
        self._started = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        self._started = time.monotonic()

    def delay(self) -> float | None:
        """Return the seconds until the next request is due; None when all were sent."""
        if not self._left:
            return None
        due = (self._jobs - self._left) / self._per_sec if self._per_sec else 0.0
        self._left -= 1
        return max(0.0, self._started + due - time.monotonic())

    def answered(self, head: bytes, body: bytes, sent_at: float) -> None:
        found = _JOB_ID.search(body)
        if _ACCEPTED not in head[:16] or not found:
            self.fail(RequestFailed((head + body)[:2000].decode(errors="replace")))
            return
        done = self.submitted
        done.job_ids.append(found[1].decode())
        done.answers_ms.append((time.time() - sent_at) * 1000)
        done.sent_at.append(sent_at)
        if len(done.job_ids) == self._jobs and not self.ended.done():
            done.seconds = time.monotonic() - self._started
            self.ended.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        self._load.fail(RequestFailed("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if separator and length and len(body) >= int(length[1]):
            self._buffer = b""
            self._load.answered(head, body, self._sent_at)
            self.send_next()

    def send_next(self) -> None:
        """Send the next request when it is due."""
        delay = self._load.delay()
        if delay is None:
            return
        if delay:
            asyncio.get_running_loop().call_later(delay, self._send)
        else:
            self._send()

    def _send(self) -> None:
        if self._transport:
            self._sent_at = time.time()
            self._transport.write(self._load.request)

    def close(self) -> None:
        """Close the connection."""
        if self._transport:
            self._transport.abort()


async def submit(
    url: str, request: bytes, jobs: int, *, connections: int, per_sec: float | None = None
) -> Submitted:
    """Submit *jobs* jobs; without *per_sec* as fast as the answers come.

    Raises:
        RequestFailed: the system refused a job or closed a connection.
        TimeoutError: there was no answer for a minute beyond the planned time.
    """
    loop, load = asyncio.get_running_loop(), _Load(request, jobs, per_sec)
    at = urlsplit(url)
    host, port = at.hostname or "", at.port or 80
    made = [
        (await loop.create_connection(lambda: _Connection(load), host, port))[1]
        for _ in range(min(connections, jobs))
    ]
    load.start()
    for connection in made:
        connection.send_next()
    try:
        async with asyncio.timeout(ANSWER_SEC * 5 if not per_sec else jobs / per_sec + ANSWER_SEC):
            await load.ended
    finally:
        for connection in made:
            connection.close()
        await asyncio.sleep(0)  # so that the transports close their sockets
    return load.submitted
