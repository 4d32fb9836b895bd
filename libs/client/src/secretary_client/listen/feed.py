"""The events of all jobs, also across times in which the stream was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from secretary_client.async_client import AsyncClient
from secretary_client.core.repetition import TEMPORARY
from secretary_client.error import ApiError, Unreachable
from secretary_client.event import RESET, FeedEvent
from secretary_client.models import FeedFilter, JobSummary

MOST_READ = 10_000
"""So many of the newest jobs are read to find the ends that the stream does not know any more."""
MOST_ENDS = 1000
UNKNOWN = "0-0"
"""A place that the stream does not know, so that it answers with a reset."""
PAUSE_SEC = 2.0
"""The pause after the client has given up; it may have repeated nothing."""


@dataclass(frozen=True, slots=True)
class MissedEnd(FeedEvent):
    """The end of a job that the stream does not know any more.

    Only the last one of a reset has the new place: after a restart, the others come again.
    """

    at: str
    """When the job ended, ISO 8601."""


def time_of(event: FeedEvent) -> str:
    """Return the time of *event* by MongoDB's clock, ISO 8601: the one of this machine may differ.

    A place begins with the seconds of its time; an event has this place, or a later one.
    """
    if isinstance(event, MissedEnd):
        return event.at
    seconds, _, _ = event.id.partition("-")
    return datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="milliseconds")


def is_away(error: ApiError | Unreachable) -> bool:
    """Return whether *error* says that the API, or its MongoDB, is away for now."""
    return isinstance(error, Unreachable) or error.status in TEMPORARY


async def events_of(
    client: AsyncClient,
    after: str | None,
    since: str,
    filters: FeedFilter,
    *,
    sleep: Callable[[float], Any] = asyncio.sleep,
) -> AsyncIterator[FeedEvent]:
    """Yield the events of the stream without end; while the API is away, try for ever.

    If the stream does not know the place any more, or if it broke before its first event, the ends
    of jobs since the time *since* are yielded. The end of a job that was retried meanwhile is
    missing, because the new run has overwritten it.

    Args:
        client: reads the stream and the jobs.
        after: the place at which the stream continues; None: now.
        since: the time of the event at that place, or now, ISO 8601.
        filters: select the jobs.
        sleep: waits some seconds; for tests.

    Raises:
        ApiError: the API refused the stream.
    """
    while True:
        try:
            async for event in client.stream(after=after, **filters):
                if event.name == RESET:
                    ends = await _ended_since(client, since, filters)
                    for number, job in enumerate(ends, start=1):
                        yield _end_of(job, event.id if number == len(ends) else after or UNKNOWN)
                else:
                    yield event
                after = event.id  # not before the missed ends are known
        except (ApiError, Unreachable) as error:  # the client has announced it
            if not is_away(error):
                raise
            after = after or UNKNOWN  # "now" would be after the events of this time
            await sleep(PAUSE_SEC)
            continue
        return


async def _ended_since(client: AsyncClient, since: str, filters: FeedFilter) -> list[JobSummary]:
    """Return the jobs that have ended since the time *since*, in the order of their ends."""
    found, read = [], 0
    async for job in client.jobs(**filters):
        read += 1
        if job["completed_at"] and job["completed_at"] >= since:
            found.append(job)
        if len(found) == MOST_ENDS or read == MOST_READ:
            break
    return sorted(found, key=_ended_at)


def _ended_at(job: JobSummary) -> str:
    return job["completed_at"] or ""


def _end_of(job: JobSummary, place: str) -> MissedEnd:
    return MissedEnd(
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
        _ended_at(job),
    )
