"""Asks a broker for its properties, by an AMQP handshake."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import aio_pika
from aiormq.exceptions import AMQPError

ANSWER_SEC = 5.0


def server_properties(url: str, timeout_sec: float = ANSWER_SEC) -> dict[str, object] | None:
    """Return the properties of the broker at *url*; None if the AMQP handshake fails."""

    async def shake_hands() -> dict[str, object]:
        connection = await aio_pika.connect(url, timeout=timeout_sec)
        async with connection:
            transport = connection.transport
            return dict(transport.connection.server_properties) if transport else {}

    # In another thread, because the caller may be inside an event loop.
    with ThreadPoolExecutor(max_workers=1) as executor:
        try:
            return executor.submit(asyncio.run, shake_hands()).result()
        except (AMQPError, OSError, TimeoutError):
            return None
