"""A receiver in its own process: records when each delivery's first byte arrived, answers 200.

It has one listening socket for each origin, and parses as little HTTP as possible, so that it does
not limit the measurement. On the ports that hang it reads and never answers.
"""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import re
import time
from collections.abc import Collection
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID = re.compile(rb"\r\nwebhook-id: *([^\r]+)", re.IGNORECASE)

Arrivals = dict[str, float]
"""The Unix time of each delivery's first byte, by delivery id."""


class _Connection(asyncio.Protocol):
    def __init__(self, arrivals: Arrivals, *, hangs: bool) -> None:
        self._arrivals = arrivals
        self._hangs = hangs
        self._buffer = b""
        self._first_byte_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._buffer:
            self._first_byte_at = time.time()
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not separator or len(body) < int(length[1] if length else 0):
            return
        if found := _ID.search(head):
            self._arrivals.setdefault(found[1].decode(), self._first_byte_at)
        self._buffer = b""
        if self._transport and not self._hangs:
            self._transport.write(ANSWER)


async def _serve(pipe: Connection, count: int, hanging: Collection[int]) -> None:
    arrivals: Arrivals = {}
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(
            functools.partial(_Connection, arrivals, hangs=number in hanging), "127.0.0.1", 0
        )
        for number in range(count)
    ]
    pipe.send([server.sockets[0].getsockname()[1] for server in servers])
    stopped = asyncio.Event()

    def on_command() -> None:
        if pipe.recv() == "stop":
            stopped.set()
            return
        pipe.send(arrivals)
        arrivals.clear()

    loop.add_reader(pipe.fileno(), on_command)
    await stopped.wait()
    loop.remove_reader(pipe.fileno())


def _main(pipe: Connection, count: int, hanging: Collection[int]) -> None:
    asyncio.run(_serve(pipe, count, hanging))


class Receivers:
    """*count* origins on this machine. An origin whose number is in *hanging* never answers."""

    def __init__(self, count: int, hanging: Collection[int] = ()) -> None:
        self._pipe, child_end = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_main, args=(child_end, count, hanging), daemon=True
        )
        self.ports: list[int] = []

    def url(self, number: int) -> str:
        """Return the URL of the origin *number*."""
        return f"http://127.0.0.1:{self.ports[number % len(self.ports)]}/hook"

    def take(self) -> Arrivals:
        """Return the arrivals since the last call."""
        self._pipe.send("take")
        arrivals: Arrivals = self._pipe.recv()
        return arrivals

    def __enter__(self) -> Self:
        self._process.start()
        self.ports = self._pipe.recv()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.send("stop")
        self._process.join()
