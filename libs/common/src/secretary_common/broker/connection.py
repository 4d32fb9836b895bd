"""A connection to the broker that is opened again whenever it is lost.

aio-pika's robust connection restores channels and consumers without notice, and it ignores
consumers that the broker cancelled. Here a lost connection, channel or consumer ends the session,
and the next session starts from the beginning: recovery uses the same code as every start.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.connection import make_url
from aiormq.exceptions import AMQPError

from secretary_common.broker import topology
from secretary_common.runtime.lifecycle import cancel_and_wait
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

# aio-pika and aiormq raise RuntimeError on channels that were closed meanwhile.
BROKER_ERRORS = (AMQPError, OSError, asyncio.TimeoutError, RuntimeError)
CONNECT_TIMEOUT_SEC = 5.0
# Every call to the broker has this deadline. A dead connection (half-open, or blocked by an alarm)
# never answers; a healthy broker answers in milliseconds.
ANSWER_SEC = 4.0
# The interval in which a session checks the broker. With ANSWER_SEC, RETRY_SEC and the connect, a
# new session works within 15 s.
WATCH_SEC = 4.0
# AMQP heartbeats; the broker closes the connection after about three missed ones.
HEARTBEAT_SEC = 15
RETRY_SEC = (1.0, 2.0, 4.0, 5.0)


class BrokerLost(Exception):
    """The broker closed the connection, a channel or a consumer."""


Session = Callable[[AbstractConnection], Awaitable[None]]


async def keep_connected(url: str, session: Session, *, purpose: str) -> None:
    """Run *session* on a connection; when it ends, run it on a new one; until cancelled.

    Between attempts it waits 1, 2, 4, then 5 s (and up to 20 % more). It logs each loss of the
    broker and each new connection once.
    """
    failures = 0
    while True:
        try:
            async with connection_to(url) as connection:
                log.info("broker.connected", purpose=purpose)
                failures = 0
                await _until_lost(connection, session)
        except BROKER_ERRORS as error:
            _log_failure(failures, purpose, error)
        except BrokerLost as error:
            log.warning("broker.lost", purpose=purpose, reason=str(error))
        except Exception as error:  # noqa: BLE001 - after any error, the doorbell must work again
            log.error("broker.session_crashed", exc=error, purpose=purpose)
        wait = RETRY_SEC[min(failures, len(RETRY_SEC) - 1)]
        failures += 1
        await asyncio.sleep(wait * random.uniform(1.0, 1.2))  # noqa: S311 - spreads reconnects


@contextlib.asynccontextmanager
async def connection_to(url: str) -> AsyncIterator[AbstractConnection]:
    """Open a connection and close it at the end; a dead broker delays neither.

    Raises:
        one of ``BROKER_ERRORS``: the connection could not be opened.
    """
    # Not aio_pika.connect(): if it fails, it leaves a connection that cannot be closed.
    connection = aio_pika.Connection(make_url(url), heartbeat=HEARTBEAT_SEC)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SEC):
            await connection.connect()
        yield connection
    finally:
        with contextlib.suppress(*BROKER_ERRORS):
            async with asyncio.timeout(ANSWER_SEC):
                await connection.close()


def _log_failure(failures: int, purpose: str, error: BaseException) -> None:
    event = log.warning if failures == 0 else log.debug
    event("broker.unreachable", purpose=purpose, reason=f"{type(error).__name__}: {error}"[:300])


async def _until_lost(connection: AbstractConnection, session: Session) -> None:
    closed = asyncio.ensure_future(connection.closed())
    work = asyncio.ensure_future(session(connection))
    try:
        await asyncio.wait({closed, work}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
        raise BrokerLost("the session ended" if work.done() else "the connection was closed")
    finally:
        await cancel_and_wait(closed, work)


async def declare_queues(url: str, queues: Iterable[str], *, wait_sec: float) -> bool:
    """Create *queues*; return False if the broker did not answer within *wait_sec* seconds."""
    made = asyncio.Event()

    async def session(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        for queue in queues:
            await topology.declare(channel, queue)
        made.set()
        await asyncio.Event().wait()

    keeping = asyncio.create_task(keep_connected(url, session, purpose="prepare"))
    try:
        async with asyncio.timeout(wait_sec):
            await made.wait()
    except TimeoutError:
        return False
    finally:
        await cancel_and_wait(keeping)
    return True
