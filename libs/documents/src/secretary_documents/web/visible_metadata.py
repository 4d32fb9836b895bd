"""Reads the metadata of a talk from its page: values with labels, times, links of speakers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from secretary_documents.web.page import Link, PageMetadata

MAX_SPEAKERS = 50
# A value after its label: "Track: X", "Start | 10:00", "- Room: [H.1](…)".
_LABELLED = re.compile(r"(?:[-*] )?\**(?P<label>\w+)\**\s*(?::|\|)\s*(?P<value>\S.*)")
_LABELS = {
    "track": ("track", "devroom", "stream", "reihe"),
    "room": ("room", "raum", "saal"),
    "day": ("day", "date", "tag", "datum"),
    "starttime": ("start", "begin", "beginn"),
    "endtime": ("end", "ende"),
}
# The text has no bracket and the address has a limit. Otherwise a line of brackets would take
# quadratic time.
_LINK = re.compile(r"\[([^\[\]]*+)\]\([^)\s]{0,1000}+\)")
_CLOCK = re.compile(r"\b([01]?\d|2[0-3])[:.h]([0-5]\d)\b")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SPEAKER_PATH = re.compile(
    r"/(speakers?|persons?|people|presenters?|referent(?:en|innen)?|vortragende)/[^/]+",
    re.IGNORECASE,
)


def visible_metadata(text: str, links: Iterable[Link], times: list[str]) -> PageMetadata:
    """Return the metadata that a page shows about its talk.

    Args:
        text: the readable text of the page.
        links: all links of the page.
        times: the ``datetime`` values of the page's ``<time>`` elements, in order.
    """
    labelled = _labelled(text)
    first, second = ([*times, "", ""])[:2]
    speakers = _speakers(links)
    return PageMetadata(
        track=labelled.get("track") or labelled.get("room"),
        day=_day(first) or labelled.get("day"),
        starttime=_clock(first) or _clock(labelled.get("starttime", "")),
        endtime=_clock(second) or _clock(labelled.get("endtime", "")),
        speakers=tuple(speakers),
        speakers_url=tuple(speakers.values()),
    )


def _labelled(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LABELLED.fullmatch(_LINK.sub(r"\1", line).strip()[:500])
        name = _name_of(match["label"]) if match else None
        if match and name:
            found.setdefault(name, match["value"].strip(" *|"))
    return found


def _name_of(label: str) -> str | None:
    lowered = label.lower()
    return next((name for name, labels in _LABELS.items() if lowered in labels), None)


def _speakers(links: Iterable[Link]) -> dict[str, str]:
    found: dict[str, str] = {}
    for link in links:
        path = urlsplit(link.url).path
        if link.text and not link.text.startswith("http") and _SPEAKER_PATH.search(path):
            found.setdefault(link.text, link.url)
        if len(found) == MAX_SPEAKERS:
            break
    return found


def _day(written: str) -> str | None:
    match = _DATE.match(written)
    return match[0] if match else None


def _clock(written: str) -> str | None:
    match = _CLOCK.search(_DATE.sub("", written).replace("T", " "))
    return f"{int(match[1]):02}:{match[2]}" if match else None
