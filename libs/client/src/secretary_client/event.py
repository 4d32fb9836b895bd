"""Server-sent events, and the events of jobs in them.

The form: https://html.spec.whatwg.org, "server-sent events".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from secretary_client.models import JobChange, JobState

TERMINAL = frozenset({"completed", "failed", "cancelled"})
RESET = "reset"
"""The event that says that changes are missing."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a job."""

    seq: int
    """The number of the change."""
    name: str
    """``pending``, ``progress``, or one of ``TERMINAL``; a terminal event ends the stream."""
    data: JobState
    """``seq, job_id, status, progress, error``."""

    @property
    def is_last(self) -> bool:
        """Whether the job has ended."""
        return self.name in TERMINAL


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One change of one of many jobs."""

    id: str
    """A place in the stream of all jobs, for ``stream(after=…)``."""
    name: str
    """As ``Event.name``; or ``reset``: changes are missing, so list the jobs again."""
    data: JobChange
    """As ``Event.data``, with the job's type, name, batch, user, tags, run and attempt. Empty for
    ``reset``."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream."""

    id: str
    """The id of this message, or of the last one that had an id."""
    event: str
    data: str | None
    """None: the message only gives an id, and is no event."""


class MessageParser:
    """Parses a stream piece by piece; it keeps an unfinished message for the next piece.

    Lines end only at line feeds, as the API sends them: text may contain other separators.
    """

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []
        self._id = ""
        self._fields: dict[str, str] = {}

    def feed(self, chunk: bytes) -> list[Message]:
        """Return the messages that *chunk* completes."""
        end_of_first, *others = chunk.split(b"\n")
        self._unfinished.append(end_of_first)
        found = []
        for piece in others:
            line = b"".join(self._unfinished).decode().removesuffix("\r")
            self._unfinished = [piece]
            if (message := self._take(line)) is not None:
                found.append(message)
        return found

    def _take(self, line: str) -> Message | None:
        """Return the message that *line* completes; comments and unknown fields are ignored."""
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        self._id = fields.get("id", self._id)
        if not ("data" in fields or "id" in fields):
            return None
        return Message(self._id, fields.get("event", "message"), fields.get("data"))


def event_of(message: Message) -> Event | None:
    """Return the event of the stream of one job; None if *message* is no event."""
    if message.data is None:
        return None
    return Event(int(message.id), message.event, json.loads(message.data))


def feed_event_of(message: Message) -> FeedEvent | None:
    """Return the event of the stream of all jobs; None if *message* is no event."""
    if message.data is None:
        return None
    data: Any = json.loads(message.data)
    return FeedEvent(message.id, message.event, data)
