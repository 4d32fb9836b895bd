"""Forwards the events of jobs to a local server, in the order of each job."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from secretary_client.async_client import AsyncClient
from secretary_client.error import ApiError, Unreachable
from secretary_client.event import TERMINAL, FeedEvent
from secretary_client.listen.body import body_of
from secretary_client.listen.feed import is_away
from secretary_client.listen.places import Places
from secretary_client.listen.sender import Sender
from secretary_client.models import Job

MOST_READS = 4
"""At the same time."""
MOST_WAITING = 10_000
PAUSE_SEC = 0.5
"""The pause of the stream while ``MOST_WAITING`` events wait, and of reads without an answer."""
MOST_REMEMBERED = 10_000


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
        done = self._places.take(event.id, datetime.now(UTC).isoformat(timespec="milliseconds"))
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
        self._seqs[job_id] = seq
        self._seqs.move_to_end(job_id)
        if len(self._seqs) > MOST_REMEMBERED:
            self._seqs.popitem(last=False)
        return True

    async def _body(self, event: FeedEvent) -> bytes:
        job = None if event.name == "progress" else await self._job_of(event)
        return body_of(event, job, self._api_url)

    async def _job_of(self, event: FeedEvent) -> Job | None:
        """Return the job in the state of *event*; None: it has changed since, or is deleted."""
        while True:
            try:
                async with self._reads:
                    job = await self._client.job(event.data["job_id"])
            except (ApiError, Unreachable) as error:
                if not is_away(error):
                    return None
                await self._sleep(PAUSE_SEC)
                continue
            return job if job["seq"] == event.data["seq"] else None

    async def _forward(self, job_id: str) -> None:
        """Send the events of a job, one after the other."""
        queue = self._queues[job_id]
        while queue:
            await self._sender.send(queue[0].event, await queue[0].body)
            queue.popleft().done()
        del self._queues[job_id]
