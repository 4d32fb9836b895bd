"""One stream of the changes of many jobs; all such streams of a process share one feed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass

from secretary_common.errors import FeedLost
from secretary_common.models import Job, JobStatus
from secretary_common.ports import ChangedJobs, FeedPlace, JobFeed, JobRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.lifecycle import cancel_and_wait
from secretary_common.runtime.resilient_loop import Failures

QUIET_SEC = 15.0
RETRY_SEC = 1.0
LONGEST_QUEUE = 1000
MOST_WAITING_JOBS = 20_000
"""A client for which more groups or jobs wait loses its connection; it continues where it was."""
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """The jobs that a client follows; None means any."""

    owner: str | None = None
    job_type: str | None = None
    status: JobStatus | None = None
    batch_id: str | None = None
    tag: str | None = None
    user_id: str | None = None

    def includes(self, job: Job) -> bool:
        """Return whether the client follows *job* in its current state."""
        pairs = (
            (self.owner, job.owner),
            (self.job_type, job.job_type),
            (self.status, job.status),
            (self.batch_id, job.batch_id),
            (self.user_id, job.user_id),
        )
        has_tag = self.tag is None or self.tag in job.tags
        return has_tag and all(wanted in (None, actual) for wanted, actual in pairs)


@dataclass(frozen=True, slots=True)
class Group:
    """Changed jobs, and the place after them."""

    jobs: tuple[Job, ...]
    place: FeedPlace


class _Sent:
    """The last ``seq`` that a client got of each job, so that it gets no state twice."""

    def __init__(self) -> None:
        self._seqs: OrderedDict[str, int] = OrderedDict()

    def is_new(self, job: Job) -> bool:
        if self._seqs.get(job.job_id, -1) >= job.seq:
            return False
        self._seqs[job.job_id] = job.seq
        self._seqs.move_to_end(job.job_id)
        if len(self._seqs) > MOST_REMEMBERED:
            self._seqs.popitem(last=False)
        return True


class _Queue:
    """The groups that wait for one client, which may not read at all."""

    def __init__(self) -> None:
        self._groups: asyncio.Queue[Group | None] = asyncio.Queue()
        self._jobs = 0

    async def get(self) -> Group | None:
        """Return the next group; None: the stream ends."""
        group = await self._groups.get()
        self._jobs -= len(group.jobs) if group else 0
        return group

    def put(self, group: Group) -> bool:
        """Add *group*; return False if too much waits, so that the stream ends instead."""
        if self._groups.qsize() >= LONGEST_QUEUE or self._jobs >= MOST_WAITING_JOBS:
            self.end()
            return False
        self._jobs += len(group.jobs)
        self._groups.put_nowait(group)
        return True

    def end(self) -> None:
        """End the stream; what waits is dropped, because the client reads it again."""
        while not self._groups.empty():
            self._groups.get_nowait()
        self._groups.put_nowait(None)


class AllJobsStream:
    """Streams the changes of all jobs that clients may see, without a query of their own."""

    def __init__(
        self,
        feed: JobFeed,
        jobs: JobRepository,
        clock: Clock,
        is_valid: Callable[[str], Awaitable[bool]],
        is_stopping: Callable[[], bool],
    ) -> None:
        """*is_valid*: whether an API key may still follow; *is_stopping*: the service stops."""
        self._feed = feed
        self._jobs = jobs
        self._clock = clock
        self._is_valid = is_valid
        self._is_stopping = is_stopping
        self._queues: set[_Queue] = set()
        self._reading: asyncio.Task[None] | None = None
        self._place = self.now()
        """The place up to which the queues have the changes."""
        self._failures = Failures("job_feed")

    def now(self) -> FeedPlace:
        """Return a place before every later change."""
        return self._feed.place_at(self._clock.now())

    async def changes(self, wanted: Wanted, after: FeedPlace, key_id: str) -> AsyncIterator[Group]:
        """Yield the changes of the *wanted* jobs after *after*, in groups.

        A group without jobs comes at least every ``QUIET_SEC``. The stream ends when the API key
        *key_id* is deleted or expires, when the client reads too slowly, and when the service
        stops.

        Raises:
            FeedLost: some changes after *after* are not known any more.
            StoreUnavailable: MongoDB did not answer.
        """
        sent, (queue, joined) = _Sent(), self._join()
        try:
            async for found in self._missed(after, joined):
                yield _part(await self._read(found), wanted, sent)
            async for group in self._shared(queue, key_id):
                yield _part(group, wanted, sent)
        finally:
            await self._leave(queue)

    async def _missed(self, after: FeedPlace, joined: FeedPlace) -> AsyncIterator[ChangedJobs]:
        """Yield the changes from *after* to *joined*, from where on the client's queue has them."""
        changes = self._feed.changes(after)
        try:
            async for found in changes:
                yield found
                if found.is_current or found.place >= joined:
                    return
        finally:
            await changes.aclose()  # type: ignore[attr-defined]  # the feed is a generator

    async def _shared(self, queue: _Queue, key_id: str) -> AsyncIterator[Group]:
        loop = asyncio.get_running_loop()
        yielded_at = loop.time()
        while (group := await queue.get()) is not None:
            if self._is_stopping() or not await self._is_valid(key_id):
                return
            if group.jobs or loop.time() - yielded_at >= QUIET_SEC:
                yielded_at = loop.time()
                yield group

    def _join(self) -> tuple[_Queue, FeedPlace]:
        """Return a new queue of the shared feed, and the place from where on it has the changes."""
        queue = _Queue()
        self._queues.add(queue)
        if self._reading is None:
            self._place = self.now()
            self._reading = asyncio.create_task(self._run())
        return queue, self._place

    async def _leave(self, queue: _Queue) -> None:
        self._queues.discard(queue)
        if not self._queues and self._reading:
            reading, self._reading = self._reading, None
            await cancel_and_wait(reading)

    async def _run(self) -> None:
        """Read the feed for all clients until cancelled."""
        while True:
            try:
                async for found in self._feed.changes(self._place):
                    group = await self._read(found)
                    self._place = found.place
                    self._offer(group)
            except FeedLost:
                self._end_all()  # the clients come back and learn it
                self._place = self.now()
            except Exception as error:  # noqa: BLE001 - logged; the clients' streams go on
                self._failures.record(error)
            await asyncio.sleep(RETRY_SEC)

    async def _read(self, found: ChangedJobs) -> Group:
        jobs = await self._jobs.summaries(found.job_ids) if found.job_ids else []
        return Group(tuple(jobs), found.place)

    def _offer(self, group: Group) -> None:
        self._queues = {queue for queue in self._queues if queue.put(group)}

    def _end_all(self) -> None:
        for queue in self._queues:
            queue.end()


def _part(group: Group, wanted: Wanted, sent: _Sent) -> Group:
    return Group(tuple(_new(group.jobs, wanted, sent)), group.place)


def _new(jobs: Iterable[Job], wanted: Wanted, sent: _Sent) -> Iterable[Job]:
    return (job for job in jobs if wanted.includes(job) and sent.is_new(job))
