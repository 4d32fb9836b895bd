"""Rings doorbells. A ring publishes once; it fails if the broker does not confirm within 1 s.

Jobs of one type that are rung for at the same moment share messages: one message wakes a worker,
and the worker reads the other jobs from MongoDB. A full worker passes the message on (``Doorbells``
of the worker), so each worker with a free slot reads.

A single ring on an idle system sends a quick doorbell first (``topology``, ``rings``). The quick
doorbell of a new job leaves while the job is being stored (``announce_job``).
"""

from __future__ import annotations

import asyncio
from functools import partial

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, FieldValue, HeadersType
from aiormq.exceptions import ChannelAccessRefused

from secretary_common.broker import topology
from secretary_common.broker.connection import (
    ANSWER_SEC,
    BROKER_ERRORS,
    WATCH_SEC,
    Worked,
    keep_connected,
)
from secretary_common.broker.queue_access import QueueAccess
from secretary_common.broker.rings import Rings
from secretary_common.models import delivery_id_of
from secretary_common.observing import tracing
from secretary_common.observing.trace_context import TRACEPARENT
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import DOORBELLS_RUNG, Children
from secretary_common.settings.service import QueueType

log = get_logger(__name__)
_rung = Children(DOORBELLS_RUNG)

PUBLISH_TIMEOUT_SEC = 1.0
QUICK_TIMEOUT_SEC = 0.2
MOST_SHARED = 64
"""The most slots that one ring stands for: a notifier that is rung reads as many."""
SHARED_BY = 16
"""How many jobs, rung for at the same moment, share one message."""
UNKNOWN = 0
"""The number in the header of a doorbell that stands for an unknown number of jobs."""
_JobRing = tuple[str, str | None]
"""The id of a job, and the ``traceparent`` of its ring."""


class Publisher:
    """The doorbell in RabbitMQ (``ports.Doorbell``); ``run`` keeps it connected."""

    def __init__(self, url: str, *, queue_type: QueueType = "quorum") -> None:
        """*url* is the broker's; empty: there is no broker, and every ring returns False."""
        self._url = url
        self._channel: AbstractChannel | None = None
        self._quick_channel: AbstractChannel | None = None
        """For quick doorbells. The broker does not confirm its messages."""
        self._connection: AbstractConnection | None = None
        self._worked: Worked | None = None
        self._access = QueueAccess(queue_type)
        self._usable: dict[str, bool] = {}
        """Whether a queue can be used in this session."""
        self._refusal: ChannelAccessRefused | None = None
        self._slots = Rings(self._ring_slot_quickly, self._ring_slots, largest=MOST_SHARED)
        self._jobs: dict[str, Rings[_JobRing]] = {}
        """The rings for jobs, by queue."""

    @property
    def is_connected(self) -> bool | None:
        return self._channel is not None if self._url else None

    async def run(self) -> None:
        """Stay connected until cancelled; without a broker, return at once."""
        if self._url:
            await keep_connected(self._url, self._session, role="ring")

    async def announce_job(self, job_type: str, job_id: str) -> bool:
        return await self._ring_job_quickly(topology.job_queue(job_type), (job_id, None))

    async def ring_job(
        self, job_type: str, job_id: str, *, announced: bool = False, shared: bool = False
    ) -> bool:
        queue = topology.job_queue(job_type)
        ring = (job_id, tracing.current_header())
        if shared:
            return await self._ring_for(queue, ring, {topology.SHARED: UNKNOWN})
        if queue not in self._jobs:
            self._jobs[queue] = Rings(
                partial(self._ring_job_quickly, queue), partial(self._ring_jobs, queue)
            )
        return await self._jobs[queue].ring(ring, announced=announced)

    async def _ring_job_quickly(self, queue: str, job: _JobRing) -> bool:
        return await self._ring_quickly(queue, topology.encode("job_id", job[0]))

    async def _ring_jobs(self, queue: str, jobs: list[_JobRing], *, quick: bool) -> list[bool]:
        """Ring for the first of every ``SHARED_BY`` jobs; each job has the result of its ring."""
        shared = [jobs[at : at + SHARED_BY] for at in range(0, len(jobs), SHARED_BY)]
        confirmed = await asyncio.gather(
            *(self._ring_shared(queue, some, quick=quick) for some in shared)
        )
        return [confirmed[place // SHARED_BY] for place in range(len(jobs))]

    async def _ring_shared(self, queue: str, jobs: list[_JobRing], *, quick: bool) -> bool:
        shared: HeadersType = {topology.SHARED: len(jobs)}
        headers = shared if jobs[1:] else _alone(quick=quick)
        return await self._ring_for(queue, jobs[0], headers)

    async def _ring_for(self, queue: str, ring: _JobRing, headers: HeadersType) -> bool:
        job_id, trace = ring
        traced: HeadersType = {TRACEPARENT: trace} if trace else {}
        return await self._ring(queue, topology.encode("job_id", job_id), {**headers, **traced})

    async def ring_delivery(self, job_id: str, seq: int) -> bool:
        return await self._ring_delivery(delivery_id_of(job_id, seq))

    async def ring_slot(self, job_id: str, seq: int) -> bool:
        return await self._slots.ring(delivery_id_of(job_id, seq))

    async def _ring_slot_quickly(self, delivery_id: str) -> bool:
        body = topology.encode("delivery_id", delivery_id)
        return await self._ring_quickly(topology.DELIVERIES, body)

    async def _ring_slots(self, delivery_ids: list[str], *, quick: bool) -> list[bool]:
        headers = {} if delivery_ids[1:] else _alone(quick=quick)
        return [await self._ring_delivery(delivery_ids[-1], headers)] * len(delivery_ids)

    async def _ring_delivery(self, delivery_id: str, headers: HeadersType | None = None) -> bool:
        body = topology.encode("delivery_id", delivery_id)
        return await self._ring(topology.DELIVERIES, body, headers)

    async def _session(self, connection: AbstractConnection, worked: Worked) -> None:
        async with asyncio.timeout(ANSWER_SEC):
            # An unroutable ring must raise, or it would count as confirmed.
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            self._quick_channel = await connection.channel(publisher_confirms=False)
        self._usable.clear()
        self._refusal = None
        self._connection, self._channel, self._worked = connection, channel, worked
        try:
            while not await _closed(channel, within_sec=WATCH_SEC):
                async with asyncio.timeout(ANSWER_SEC):
                    await channel.set_qos(prefetch_count=1)  # any call that the broker must answer
                worked()
                if await self._access.may_use_more(connection):
                    self._usable.clear()
            if self._refusal:
                raise self._refusal
        finally:
            self._connection = self._channel = self._quick_channel = self._worked = None

    async def _ring(self, queue: str, body: bytes, headers: HeadersType | None = None) -> bool:
        if not self._url:
            return False
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_SEC):
                confirmed = await self._publish(queue, body, headers)
        except BROKER_ERRORS as error:
            log.warning("doorbell.failed", queue=queue, reason=f"{type(error).__name__}: {error}")
            self._usable.pop(queue, None)  # the queue may have been deleted
            if isinstance(error, ChannelAccessRefused):
                self._refusal = error
            confirmed = False
        _rung[queue, "confirmed" if confirmed else "failed"].inc()
        return confirmed

    async def _ring_quickly(self, queue: str, body: bytes) -> bool:
        """Send a quick doorbell; return whether it was sent. Without its queue it is dropped."""
        channel = self._quick_channel
        if channel is None or channel.is_closed:
            return False
        message = Message(body, delivery_mode=DeliveryMode.NOT_PERSISTENT)
        try:
            async with asyncio.timeout(QUICK_TIMEOUT_SEC):
                await channel.default_exchange.publish(
                    message, routing_key=topology.quick_queue(queue), mandatory=False
                )
        except BROKER_ERRORS as error:
            log.debug("doorbell.not_quick", queue=queue, reason=f"{type(error).__name__}: {error}")
            return False
        return True

    async def _publish(self, queue: str, body: bytes, headers: HeadersType | None) -> bool:
        connection, channel, worked = self._connection, self._channel, self._worked
        if connection is None or channel is None or worked is None:
            return False
        if queue not in self._usable:
            self._usable[queue] = await self._access.open(connection, queue)
        if not self._usable[queue]:
            return False
        message = Message(
            body,
            headers=headers,
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        await channel.default_exchange.publish(message, routing_key=queue)
        worked()
        return True


def _alone(*, quick: bool) -> dict[str, FieldValue]:
    """Return the headers of a doorbell for a single event, which a quick one may have announced."""
    return {topology.HAS_QUICK: True} if quick else {}


async def _closed(channel: AbstractChannel, *, within_sec: float) -> bool:
    """Return whether *channel* is closed, now or within *within_sec* seconds."""
    closed = asyncio.ensure_future(channel.closed())
    await asyncio.wait({closed}, timeout=within_sec)
    done = closed.done()
    closed.cancel()
    return done
