"""A TCP server on loopback whose connections end with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext

NOTICE_SEC = 0.05
"""In this time connections that are being made or closed come to their end by themselves."""
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def closed(writer: asyncio.StreamWriter) -> None:
    """End the connection and wait until its socket is closed."""
    writer.transport.abort()  # a TLS connection would first wait for the other side
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()


@asynccontextmanager
async def tcp_server(serve: Serve, *, tls: SSLContext | None = None) -> AsyncIterator[int]:
    """Run *serve* for each connection; yields the port."""
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        tasks.add(asyncio.create_task(run(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls, limit=2**20)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await asyncio.sleep(NOTICE_SEC)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            await closed(writer)
