"""The events in the stream of one job, as a test reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secretary_client.event import Event, MessageParser, event_of


def events_in(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events in *lines*; an unfinished event is dropped."""
    parser = MessageParser()
    for line in lines:
        for message in parser.feed(f"{line}\n".encode()):
            if (event := event_of(message)) is not None:
                yield event
