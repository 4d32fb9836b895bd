"""An HTTP proxy that records what it is asked for and sends everything to this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from support.tcp_server import closed, tcp_server

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@dataclass
class EgressProxy:
    """The proxy's port, and the request lines and headers it got."""

    port: int = 0
    lines: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refusal: bytes | None = None
    """Answered in place of a connection."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            line, *rest = head.decode("latin-1").split("\r\n")[:-2]
            self.lines.append(line)
            pairs = (each.split(":", 1) for each in rest)
            self.headers.append({name.lower(): value.strip() for name, value in pairs})
            if self.refusal is not None:
                writer.write(self.refusal)
            else:
                await self._forward(line, head, reader, writer)

    async def _forward(
        self, line: str, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        method, target, _ = line.split(" ")
        is_tunnel = method == "CONNECT"
        port = int(target.rpartition(":")[2]) if is_tunnel else urlsplit(target).port
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", port)
        if is_tunnel:
            writer.write(ESTABLISHED)
        else:
            path = target[target.index("/", len("http://")) :]
            onward.write(head.replace(target.encode(), path.encode(), 1))
        tasks = [
            asyncio.ensure_future(_pump(reader, onward)),
            asyncio.ensure_future(_pump(onward_reader, writer)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await closed(onward)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(2**16):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def egress_proxy() -> AsyncIterator[EgressProxy]:
    """Run a proxy on loopback."""
    proxy = EgressProxy()
    async with tcp_server(proxy.serve) as proxy.port:
        yield proxy
