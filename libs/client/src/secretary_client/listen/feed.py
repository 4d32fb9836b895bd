"""The events of all jobs, also across times in which the stream was lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from operator import itemgetter

from secretary_client.async_client import AsyncClient
from secretary_client.error import Unreachable
from secretary_client.event import RESET, FeedEvent
from secretary_client.models import FeedFilter, JobSummary

MOST_READ = 10_000
"""So many of the newest jobs are read to find the ends that the stream does not know any more."""
MOST_ENDS = 1000


async def events_of(
    client: AsyncClient, after: str | None, since: str, filters: FeedFilter
) -> AsyncIterator[FeedEvent]:
    """Yield the events of the stream without end; while the API is away, try for ever.

    If the stream does not know the place any more, the ends of jobs since the time *since* are
    yielded. The end of a job that was retried meanwhile is missing, because the new run has
    overwritten it.

    Args:
        client: reads the stream and the jobs.
        after: the place at which the stream continues; None: now.
        since: the time of the event at that place, or now, ISO 8601.
        filters: select the jobs.

    Raises:
        ApiError: the API refused the stream.
    """
    while True:
        try:
            async for event in client.stream(after=after, **filters):
                after = event.id
                if event.name == RESET:
                    async for missed in _ended_since(client, since, event.id, filters):
                        yield missed
                else:
                    yield event
        except Unreachable:
            continue  # the client has announced it
        return


async def _ended_since(
    client: AsyncClient, since: str, place: str, filters: FeedFilter
) -> AsyncIterator[FeedEvent]:
    """Yield the ends of jobs that the stream does not know any more, oldest first."""
    found, read = [], 0
    async for job in client.jobs(**filters):
        read += 1
        if job["completed_at"] and job["completed_at"] >= since:
            found.append((job["completed_at"], job))
        if len(found) == MOST_ENDS or read == MOST_READ:
            break
    for _, job in sorted(found, key=itemgetter(0)):
        yield _end_of(job, place)


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
