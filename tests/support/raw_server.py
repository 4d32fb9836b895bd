"""A server that records the bytes of each request and answers with bytes of the test's choice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext

from support.tcp_server import tcp_server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class RawRequest:
    """One request, as it stood on the wire."""

    method: str
    target: str
    headers: dict[str, str]
    """The names are lower case."""
    body: bytes
    connection: int
    """Counts the connections of the server from 1."""


@dataclass
class RawServer:
    """The server's port and its requests so far."""

    answer: Callable[[RawRequest], bytes | Awaitable[bytes | None] | None]
    """None closes the connection without an answer."""
    closes_after_answer: bool = False
    port: int = 0
    requests: list[RawRequest] = field(default_factory=list)
    connections: int = 0

    def url(self, target: str) -> str:
        return f"http://127.0.0.1:{self.port}{target}"

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            number = self.connections
            while request := await _read(reader, number):
                self.requests.append(request)
                answer = self.answer(request)
                said = await answer if isinstance(answer, Awaitable) else answer
                if said is None:
                    break
                writer.write(said)
                await writer.drain()
                if self.closes_after_answer:
                    break


async def _read(reader: asyncio.StreamReader, connection: int) -> RawRequest | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return RawRequest(method, target, headers, body, connection)


@asynccontextmanager
async def raw_server(
    answer: bytes | Callable[[RawRequest], bytes | Awaitable[bytes | None] | None] = OK,
    *,
    closes_after_answer: bool = False,
    tls: SSLContext | None = None,
) -> AsyncIterator[RawServer]:
    """Serve on loopback; *answer* is for each request."""
    reply = answer if callable(answer) else lambda _: answer
    server = RawServer(reply, closes_after_answer)
    async with tcp_server(server.serve, tls=tls) as server.port:
        yield server
