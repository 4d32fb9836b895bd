"""Forwards the events of jobs to a local server, in the order of each job."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from secretary_client.async_client import AsyncClient
from secretary_client.error import ApiError, Unreachable
from secretary_client.event import RESET, TERMINAL, FeedEvent
from secretary_client.listen.body import body_of, headers_of
from secretary_client.listen.place import Places
from secretary_client.models import Job, JobSummary

IN_FLIGHT = 4
MOST_WAITING = 10_000
MOST_REMEMBERED = 10_000
FIRST_WAIT_SEC, LONGEST_WAIT_SEC = 0.5, 5.0
TIMEOUT_SEC = 15.0
MOST_LISTED = 1000
MOST_ANSWERS = 10
"""After so many answers that are not 2xx, an event is given up, as the notifier does in days."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt to send an event."""

    event: FeedEvent
    status: int | None
    """None: the local server did not answer."""
    error: str | None
    is_over: bool
    """Whether there is no further attempt."""


@dataclass(slots=True)
class _Pending:
    event: FeedEvent
    body: asyncio.Task[bytes]
    done: Callable[[], None]


class Forwarder:
    """Sends each event of the stream to one URL until the local server answers 2xx.

    The events of a job are sent one after the other. Jobs do not wait for each other.
    """

    def __init__(
        self,
        client: AsyncClient,
        target: str,
        secret: str,
        places: Places,
        report: Callable[[Outcome], object],
        *,
        api_url: str,
        with_progress: bool = True,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        """Prepare.

        Args:
            client: reads the stream and the jobs.
            target: the URL of the local server.
            secret: signs the webhooks.
            places: notes which events are forwarded.
            report: called with the outcome of each attempt.
            api_url: the URL of the API, for ``data_url``.
            with_progress: whether progress is sent too, or only the end of jobs.
            sleep: waits some seconds; for tests.
        """
        self._client = client
        self._target = target
        self._secret = secret
        self._places = places
        self._report = report
        self._api_url = api_url
        self._with_progress = with_progress
        self._sleep = sleep
        self._queues: dict[str, deque[_Pending]] = {}
        self._seqs: OrderedDict[str, int] = OrderedDict()
        self._requests = asyncio.Semaphore(IN_FLIGHT)
        self._reads = asyncio.Semaphore(IN_FLIGHT)
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SEC, trust_env=False)

    async def run(self, after: str | None, since: str | None, **wanted: Any) -> None:
        """Forward events until cancelled.

        Args:
            after: the place at which the stream continues; None: now.
            since: the time of the event at that place: if changes are missing, the jobs that ended
                later are listed.
            wanted: the filters of the stream.
        """
        async with self._http, asyncio.TaskGroup() as tasks:
            async for event in self._events(after, since, wanted):
                self._accept(event, tasks)
                while self._places.waiting >= MOST_WAITING:
                    await self._sleep(FIRST_WAIT_SEC)

    async def _events(
        self, after: str | None, since: str | None, wanted: dict[str, Any]
    ) -> AsyncIterator[FeedEvent]:
        while True:
            try:
                async for event in self._client.stream(after=after, **wanted):
                    after = event.id
                    if event.name == RESET:
                        async for missed in self._ended_since(since, event.id, wanted):
                            yield missed
                    else:
                        yield event
            except Unreachable:
                continue  # the client has announced it, and tries for a while again
            return

    async def _ended_since(
        self, since: str | None, place: str, wanted: dict[str, Any]
    ) -> AsyncIterator[FeedEvent]:
        """Yield the ends of jobs that the stream does not know any more."""
        found = []
        async for job in self._client.jobs(**wanted):
            if job["completed_at"] and since and job["completed_at"] >= since:
                found.append(job)
            if len(found) >= MOST_LISTED or (since and job["updated_at"] < since):
                break
        for job in reversed(found):
            yield _end_of(job, place)

    def _accept(self, event: FeedEvent, tasks: asyncio.TaskGroup) -> None:
        job_id, seq = event.data["job_id"], event.data["seq"]
        is_wanted = event.name in TERMINAL or (event.name == "progress" and self._with_progress)
        if not is_wanted or self._seqs.get(job_id, -1) >= seq:
            return
        self._seqs[job_id] = seq
        self._seqs.move_to_end(job_id)
        if len(self._seqs) > MOST_REMEMBERED:
            self._seqs.popitem(last=False)
        done = self._places.take(event.id, datetime.now(UTC).isoformat(timespec="milliseconds"))
        # Read now: a job that is retried has other results when the local server is back.
        pending = _Pending(event, tasks.create_task(self._body(event)), done)
        if job_id in self._queues:
            self._queues[job_id].append(pending)
        else:
            self._queues[job_id] = deque([pending])
            tasks.create_task(self._forward(job_id))

    async def _body(self, event: FeedEvent) -> bytes:
        job = None if event.name == "progress" else await self._job_of(event)
        return body_of(event, job, self._api_url)

    async def _job_of(self, event: FeedEvent) -> Job | None:
        """Return the job in the state of *event*; None: it has changed since, or is deleted."""
        while True:
            try:
                async with self._reads:
                    job = await self._client.job(event.data["job_id"])
            except Unreachable:
                continue
            except ApiError:
                return None
            return job if job["seq"] == event.data["seq"] else None

    async def _forward(self, job_id: str) -> None:
        """Send the events of a job, one after the other."""
        queue = self._queues[job_id]
        while queue:
            await self._send(queue[0])
            queue.popleft().done()
        del self._queues[job_id]

    async def _send(self, pending: _Pending) -> None:
        body, wait, answers = await pending.body, FIRST_WAIT_SEC, 0
        while True:
            status, error = await self._post(pending.event, body)
            answers += status is not None
            is_over = (status is not None and 200 <= status < 300) or answers >= MOST_ANSWERS  # noqa: PLR2004
            self._report(Outcome(pending.event, status, error, is_over))
            if is_over:
                return
            await self._sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SEC)

    async def _post(self, event: FeedEvent, body: bytes) -> tuple[int | None, str | None]:
        headers = headers_of(event, body, self._secret, datetime.now(UTC))
        async with self._requests:
            try:
                answer = await self._http.post(self._target, content=body, headers=headers)
            except httpx.TransportError as error:
                return None, f"{type(error).__name__}: {error}"
        return answer.status_code, None


def _end_of(job: JobSummary, place: str) -> FeedEvent:
    return FeedEvent(
        place,
        job["status"],
        {
            "seq": job["seq"],
            "job_id": job["job_id"],
            "status": job["status"],
            "progress": job["progress"],
            "error": job["error"],
            "job_type": job["job_type"],
            "job_name": job["job_name"],
            "batch_id": job["batch_id"],
            "user_id": job["user_id"],
            "tags": job["tags"],
            "run": job["run"],
            "attempt": job["attempt"],
        },
    )
