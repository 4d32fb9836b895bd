"""The events of a job's stream, parsed from server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

TERMINAL = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a job."""

    seq: int
    """The number of the change."""
    name: str
    """``pending``, ``progress``, or one of ``TERMINAL``; a terminal event ends the stream."""
    data: dict[str, Any]
    """``seq, job_id, status, progress, error``."""

    @property
    def is_last(self) -> bool:
        """Whether the job has ended."""
        return self.name in TERMINAL


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of *chunks* of UTF-8; an unfinished last line is dropped.

    Lines end only at line feeds, as the API sends them: text may contain other separators.
    """
    waiting: list[bytes] = []
    for chunk in chunks:
        end_of_first, *others = chunk.split(b"\n")
        waiting.append(end_of_first)
        for piece in others:
            yield b"".join(waiting).decode().removesuffix("\r")
            waiting = [piece]


def events_in(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events in *lines*; comments and unknown fields are ignored.

    An event that is cut off is dropped (https://html.spec.whatwg.org, "server-sent events").
    """
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}
