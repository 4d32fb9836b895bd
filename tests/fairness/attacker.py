"""Slow connections, opened by a separate process, so that the bystander's event loop stays free.

``python -m fairness.attacker PORT COUNT BEGINNING DRIP_SEC`` sends BEGINNING over each of COUNT
connections, then a byte every DRIP_SEC seconds, or none if it is 0. When the server has closed all
connections, the process prints for how many seconds the last one was open.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

HOST = "127.0.0.1"
AT_ONCE = 100
"""Connections that are opened at the same time; the server's queue holds not many more."""


async def stay(port: int, beginning: bytes, drip_sec: float, turns: asyncio.Semaphore) -> float:
    """Hold one connection until the server closes it; return the seconds."""
    async with turns:
        reader, writer = await asyncio.open_connection(HOST, port)
    opened_at = time.monotonic()
    with contextlib.suppress(ConnectionError):
        writer.write(beginning)
        dripping = asyncio.create_task(drip(writer, drip_sec))
        try:
            while await reader.read(65536):
                pass
        finally:
            dripping.cancel()
    writer.close()
    return time.monotonic() - opened_at


async def drip(writer: asyncio.StreamWriter, every_sec: float) -> None:
    """Send a byte again and again."""
    while every_sec:
        await asyncio.sleep(every_sec)
        writer.write(b" ")


async def main() -> None:
    """Hold all connections; print the longest time."""
    port, count, beginning, drip_sec = sys.argv[1:]
    turns = asyncio.Semaphore(AT_ONCE)
    first = beginning.encode().decode("unicode_escape").encode("latin-1")
    seconds = await asyncio.gather(
        *(stay(int(port), first, float(drip_sec), turns) for _ in range(int(count)))
    )
    sys.stdout.write(f"{max(seconds):.1f}\n")


if __name__ == "__main__":
    asyncio.run(main())
