"""Creates the queues ahead of the services, for ``secretary-init``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aio_pika.abc import AbstractConnection

from secretary_common.broker.connection import Worked, keep_connected
from secretary_common.broker.queue_access import QueueAccess
from secretary_common.runtime.lifecycle import cancel_and_wait
from secretary_common.settings.service import QueueType


async def declare_queues(
    url: str, queues: Iterable[str], *, wait_sec: float, queue_type: QueueType = "quorum"
) -> bool:
    """Create *queues*; return False if the broker did not answer within *wait_sec* seconds.

    A queue that the broker refuses is logged, and the others are created.
    """
    finished, access = asyncio.Event(), QueueAccess(queue_type)

    async def session(connection: AbstractConnection, worked: Worked) -> None:
        for queue in queues:
            await access.open(connection, queue)
        worked()
        finished.set()
        await asyncio.Event().wait()

    keeping = asyncio.create_task(keep_connected(url, session, role="prepare"))
    try:
        async with asyncio.timeout(wait_sec):
            await finished.wait()
    except TimeoutError:
        return False
    finally:
        await cancel_and_wait(keeping)
    return True
