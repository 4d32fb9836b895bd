"""A connection to the broker that is opened again whenever it is lost.

aio-pika's robust connection restores channels and consumers without notice, and it ignores
consumers that the broker cancelled. Here a lost connection, channel or consumer ends the session,
and the next session starts from the beginning: recovery uses the same code as every start.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.connection import make_url
from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelPreconditionFailed,
    ConnectionNotAllowed,
    InvalidFrameError,
    ProbableAuthenticationError,
)

from secretary_common.observing.lasting_fault import LastingFault
from secretary_common.runtime.lifecycle import cancel_and_wait
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import BROKER_CONNECTED, BROKER_HEARD

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
# For a broker that refuses: only an operator can help.
REFUSED_RETRY_SEC = (1.0, 2.0, 4.0, 8.0, 10.0)
REFUSED_LOG_SEC = 60.0
# A wrong password or virtual host, a missing permission, a queue with other arguments.
REFUSALS = (
    AuthenticationError,
    ProbableAuthenticationError,
    ConnectionNotAllowed,
    ChannelAccessRefused,
    ChannelPreconditionFailed,
)


class BrokerLost(Exception):
    """The broker closed the connection, a channel or a consumer."""


Worked = Callable[[], None]
"""A session calls this function whenever the broker has done the work of the session."""
Session = Callable[[AbstractConnection, Worked], Awaitable[None]]


async def keep_connected(url: str, session: Session, *, role: str) -> None:
    """Run *session* on a connection until cancelled; after a loss, run it on a new connection.

    The waits between attempts are 1, 2, 4, then 5 s, or up to 10 s if the broker refuses (and up to
    20 % more). After a session that worked, the waits start again at 1 s. The loss of the broker
    and its return are logged once, an outage and a refusal once a minute. *url* may name several
    nodes of a cluster, see ``connection_to``.
    """
    history = _History(role)
    while True:
        try:
            async with connection_to(url) as connection:
                await _until_lost(connection, session, history.worked)
        except REFUSALS as error:
            history.refused(error)
        except BROKER_ERRORS as error:
            history.unreachable(error)
        except BrokerLost as error:
            history.lost(error)
        except Exception as error:  # noqa: BLE001 - after any error, the doorbell must work again
            history.crashed(error)
        finally:
            history.disconnected()
        wait = history.next_wait_sec()
        await asyncio.sleep(wait * random.uniform(1.0, 1.2))  # noqa: S311 - spreads reconnects


class _History:
    """Counts the failures since a session last worked; decides what is logged, and the wait."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._failures = 0
        self._waits: Sequence[float] = RETRY_SEC
        self._refused_at: float | None = None
        """The time of the last log line about a refusal."""
        self._ever_worked = False
        self._outage = LastingFault("broker.away")
        self._reason = ""
        self._connected = BROKER_CONNECTED.labels(role)
        self._heard_at = time.monotonic()
        BROKER_HEARD.labels(role).set_function(lambda: time.monotonic() - self._heard_at)
        self.disconnected()

    def disconnected(self) -> None:
        self._connected.set(0)

    def worked(self) -> None:
        self._connected.set(1)
        self._heard_at = time.monotonic()
        if self._failures or not self._ever_worked:
            log.info("broker.connected", purpose=self._role, after_sec=self._outage.end())
        self._failures, self._waits = 0, RETRY_SEC
        self._refused_at, self._ever_worked = None, True

    def refused(self, error: BaseException) -> None:
        self._waits, self._reason = REFUSED_RETRY_SEC, _reason(error)
        now = time.monotonic()
        if self._refused_at is None or now - self._refused_at >= REFUSED_LOG_SEC:
            log.warning("broker.refused", purpose=self._role, reason=_reason(error))
            self._refused_at = now

    def unreachable(self, error: BaseException) -> None:
        self._waits, self._reason = RETRY_SEC, _reason(error)
        event = log.debug if self._failures else log.warning
        event("broker.unreachable", purpose=self._role, reason=_reason(error))

    def lost(self, error: BrokerLost) -> None:
        self._reason = str(error)
        event = log.debug if self._failures else log.warning
        event("broker.lost", purpose=self._role, reason=str(error))

    def crashed(self, error: Exception) -> None:
        self._reason = _reason(error)
        if self._failures:
            log.debug("broker.session_crashed", purpose=self._role, reason=_reason(error))
        else:
            log.error("broker.session_crashed", exc=error, purpose=self._role)

    def next_wait_sec(self) -> float:
        self._failures += 1
        self._outage.record(purpose=self._role, polling=True, reason=self._reason)
        return self._waits[min(self._failures, len(self._waits)) - 1]


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


@contextlib.asynccontextmanager
async def connection_to(url: str) -> AsyncIterator[AbstractConnection]:
    """Open a connection and close it at the end; the open and the close have a deadline.

    *url* may have the URLs of several nodes of a cluster, separated by commas. The connection goes
    to the first node that accepts it, in a random order, so that the nodes share the connections.

    Raises:
        one of ``BROKER_ERRORS``: the connection could not be opened, with the error of the last
            node.
    """
    connection = await _connect_to_any(nodes_of(url))
    try:
        yield connection
    finally:
        await _close(connection)


def nodes_of(url: str) -> list[str]:
    """Return the URL of each node that *url* names."""
    return [node for part in url.split(",") if (node := part.strip())]


async def _connect_to_any(nodes: list[str]) -> AbstractConnection:
    *others, last = random.sample(nodes, k=len(nodes))
    for node in others:
        with contextlib.suppress(*BROKER_ERRORS):
            return await _connect(node)
    return await _connect(last)


async def _connect(node: str) -> AbstractConnection:
    # Not aio_pika.connect(): if it fails, it leaves a connection that cannot be closed.
    connection = aio_pika.Connection(make_url(node), heartbeat=HEARTBEAT_SEC)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SEC):
            await connection.connect()
    except InvalidFrameError as error:  # aiormq's words for a broker that closes instead of opens
        await _close(connection)
        message = "the virtual host does not exist, or the user has no right in it"
        raise ConnectionNotAllowed(message) from error
    except BaseException:
        await _close(connection)
        raise
    return connection


async def _close(connection: AbstractConnection) -> None:
    with contextlib.suppress(*BROKER_ERRORS):
        async with asyncio.timeout(ANSWER_SEC):
            await connection.close()


async def _until_lost(connection: AbstractConnection, session: Session, worked: Worked) -> None:
    closed = asyncio.ensure_future(connection.closed())
    work = asyncio.ensure_future(session(connection, worked))
    try:
        await asyncio.wait({closed, work}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
        raise BrokerLost("the session ended" if work.done() else "the connection was closed")
    finally:
        await cancel_and_wait(closed, work)
