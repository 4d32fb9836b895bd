"""Forwards the events of jobs to a local server, in the order of each job."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from secretary_client.async_client import AsyncClient
from secretary_client.error import ApiError, Unreachable
from secretary_client.event import TERMINAL, FeedEvent
from secretary_client.listen.body import body_of, client_id_of
from secretary_client.listen.feed import is_away, time_of
from secretary_client.listen.places import Places
from secretary_client.listen.sender import Sender
from secretary_client.models import Job

MOST_READS = 4
"""At the same time."""
MOST_WAITING = 10_000
PAUSE_SEC = 0.5
"""The pause of the stream while ``MOST_WAITING`` events wait, and of reads without an answer."""
MOST_REMEMBERED = 10_000

T = TypeVar("T")


@dataclass(slots=True)
class _Pending:
    event: FeedEvent
    body: asyncio.Task[bytes]
    done: Callable[[], None]


class Forwarder:
    """Sends each event of the stream once it is its job's turn.

    The events of a job are sent one after the other. Jobs do not wait for each other.
    """

    def __init__(
        self,
        client: AsyncClient,
        sender: Sender,
        places: Places,
        *,
        api_url: str,
        with_progress: bool = True,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        """Prepare.

        Args:
            client: reads the jobs.
            sender: sends the webhooks.
            places: notes which events are forwarded.
            api_url: the URL of the API, for ``data_url``.
            with_progress: whether progress is sent too, or only the end of jobs.
            sleep: waits some seconds; for tests.
        """
        self._client = client
        self._sender = sender
        self._places = places
        self._api_url = api_url
        self._with_progress = with_progress
        self._sleep = sleep
        self._queues: dict[str, deque[_Pending]] = {}
        self._seqs: OrderedDict[str, int] = OrderedDict()
        self._client_ids: OrderedDict[str, str] = OrderedDict()
        self._reads = asyncio.Semaphore(MOST_READS)

    async def run(self, events: AsyncIterator[FeedEvent]) -> None:
        """Forward *events* until they end and all of them are sent, or until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            async for event in events:
                self._accept(event, tasks)
                while self._places.waiting >= MOST_WAITING:
                    await self._sleep(PAUSE_SEC)

    def _accept(self, event: FeedEvent, tasks: asyncio.TaskGroup) -> None:
        if not self._is_wanted(event):
            return
        done = self._places.take(event.id, time_of(event))
        # Read now: a job that is retried has other results when the local server is back.
        pending = _Pending(event, tasks.create_task(self._body(event)), done)
        job_id = event.data["job_id"]
        if job_id in self._queues:
            self._queues[job_id].append(pending)
        else:
            self._queues[job_id] = deque([pending])
            tasks.create_task(self._forward(job_id))

    def _is_wanted(self, event: FeedEvent) -> bool:
        """Return whether to send *event*: not if it comes again after a broken connection."""
        job_id, seq = event.data["job_id"], event.data["seq"]
        is_wanted = event.name in TERMINAL or (event.name == "progress" and self._with_progress)
        if not is_wanted or self._seqs.get(job_id, -1) >= seq:
            return False
        _remember(self._seqs, job_id, seq)
        return True

    async def _body(self, event: FeedEvent) -> bytes:
        job_id, job = event.data["job_id"], None
        client_id = self._client_ids.get(job_id)
        if client_id is None or event.name in TERMINAL:
            job = await self._job(job_id)
            client_id = client_id_of(job) if job else client_id or job_id
            _remember(self._client_ids, job_id, client_id)
        is_current = job is not None and job["seq"] == event.data["seq"]
        return body_of(event, job if is_current else None, self._api_url, client_id)

    async def _job(self, job_id: str) -> Job | None:
        """Return a job as it is now; None: it is deleted."""
        while True:
            try:
                async with self._reads:
                    return await self._client.job(job_id)
            except (ApiError, Unreachable) as error:
                if not is_away(error):
                    return None
                await self._sleep(PAUSE_SEC)

    async def _forward(self, job_id: str) -> None:
        """Send the events of a job, one after the other."""
        queue = self._queues[job_id]
        while queue:
            await self._sender.send(queue[0].event, await queue[0].body)
            queue.popleft().done()
        del self._queues[job_id]


def _remember(known: OrderedDict[str, T], job_id: str, value: T) -> None:
    """Note the *value* of a job; the value that was noted first is forgotten."""
    known[job_id] = value
    known.move_to_end(job_id)
    if len(known) > MOST_REMEMBERED:
        known.popitem(last=False)
