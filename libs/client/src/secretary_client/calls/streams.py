"""Calls that follow jobs."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Unpack

import httpx

from secretary_client.core.call import Calls, D, returns, yields
from secretary_client.core.deadline import Deadline
from secretary_client.core.effect import Effect, Flow, Item, Items, Read, Sleep
from secretary_client.core.fields import given, path
from secretary_client.error import WaitTimeout
from secretary_client.event import Event, FeedEvent, MessageParser, event_of, feed_event_of
from secretary_client.models import FeedFilter, Job
from secretary_client.paths import JOBS

RECONNECT_SEC = 2.0
READ_SEC = 30.0
"""The longest wait for the next bytes of a stream; the API sends some every 15 s."""


class StreamCalls(Calls[D]):
    """Follow one job, or all jobs, across broken connections."""

    @returns
    def wait(self, job_id: str, *, timeout: float | None = None) -> Flow[Job]:
        """Wait until the job has ended, and return it.

        Args:
            job_id: the id of the job.
            timeout: how long to wait, in seconds; None: for ever.

        Raises:
            WaitTimeout: the job has not ended in time; the job goes on.
        """
        return self._ended(job_id, timeout)

    @yields
    def follow(self, job_id: str, *, timeout: float | None = None) -> Items[Event]:
        """Yield the state of a job, then its changes to the end, across broken connections.

        Args:
            job_id: the id of the job.
            timeout: how long to follow, in seconds; None: to the end.

        Raises:
            WaitTimeout: the job has not ended in time; the job goes on.
        """
        return self._followed(job_id, timeout)

    @yields
    def stream(self, *, after: str | None = None, **wanted: Unpack[FeedFilter]) -> Items[FeedEvent]:
        """Yield the changes of all jobs of the key, an admin's: of all jobs, without end.

        The stream continues after broken connections. A state may come twice then: compare the
        ``seq`` of a job.

        Args:
            after: ``id`` of an event: the stream continues there; default: now.
            wanted: ``status``, ``job_type``, ``batch_id``, ``tag``, ``user_id``; None: any.

        Raises:
            ApiError: the API refused the stream.
            Unreachable: the API did not answer for ``retry_sec``.
        """
        return self._fed(after, wanted)

    def _ended(self, job_id: str, timeout: float | None) -> Flow[Job]:
        yield from self._followed(job_id, timeout)
        return (yield from self._shown(job_id))

    def _shown(self, job_id: str) -> Flow[Job]:
        return self._requests.data("GET", path(JOBS, job_id))

    def _followed(self, job_id: str, timeout: float | None) -> Items[Event]:
        clock = self._requests.repetition.clock
        deadline = Deadline(clock, timeout, READ_SEC)
        last: Event | None = None
        while True:
            read_sec = deadline.read_sec
            headers = {} if last is None else {"Last-Event-ID": str(last.seq)}
            yield from self._requests.opened(
                path(JOBS, job_id, "stream"),
                within_sec=deadline.left_sec,
                headers=headers,
                timeout=read_sec,
            )
            last = (yield from _events(deadline, read_sec)) or last
            if last is not None and last.is_last:
                return
            if timeout is not None and not deadline.left_sec:
                raise WaitTimeout(job_id, timeout)
            if not deadline.is_before_read(read_sec):  # else only a shorter read is needed
                yield Sleep(min(RECONNECT_SEC, deadline.left_sec))

    def _fed(self, after: str | None, wanted: FeedFilter) -> Items[FeedEvent]:
        place = after
        while True:
            yield from self._requests.opened(
                "/api/stream",
                headers={"Last-Event-ID": place} if place else {},
                params=given(**wanted),
                timeout=READ_SEC,
            )
            parser = MessageParser()
            try:
                while (chunk := (yield Read())) is not None:
                    for message in parser.feed(chunk):
                        place = message.id or place
                        if (event := feed_event_of(message)) is not None:
                            yield Item(event)
            except httpx.TransportError:
                pass  # the connection broke
            yield Sleep(RECONNECT_SEC)


def _events(
    deadline: Deadline, read_sec: float
) -> Generator[Effect | Item[Event], Any, Event | None]:
    """Yield the events of the opened stream; return the last one.

    It returns when the stream ends or breaks, or when a read could end too long after *deadline*.
    """
    last, parser = None, MessageParser()
    try:
        while (chunk := (yield Read())) is not None:
            for message in parser.feed(chunk):
                if (event := event_of(message)) is not None:
                    last = event
                    yield Item(event)
            if deadline.is_before_read(read_sec):
                break
    except httpx.TransportError:
        pass  # the connection broke
    return last
