"""Reads the metadata of a page in JSON-LD (schema.org) and OpenGraph."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from secretary_documents.web.entities import unescaped
from secretary_documents.web.link import absolute, first_of
from secretary_documents.web.page import PageMetadata

JsonObject = dict[str, Any]

MAX_OBJECTS = 2000
MAX_SPEAKERS = 50
MAX_TEXT = 20_000
MAX_MARKED = 2 * MAX_TEXT
"""The most characters of a text with its tags."""
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}))?")
_TAG = re.compile(r"<[^<>]{1,500}>")
_LANGUAGE = re.compile(r"[A-Za-z]{2}(?![A-Za-z])")
_SPEAKERS = ("performer", "performers", "actor", "author", "speaker", "contributor", "creator")


def json_ld_objects(documents: Iterable[str]) -> list[JsonObject]:
    """Return the objects in the JSON-LD *documents*, with nested objects, at most ``MAX_OBJECTS``.

    Invalid JSON is skipped.
    """
    found: list[JsonObject] = []
    for document in documents:
        try:
            found += _objects(json.loads(document), MAX_OBJECTS - len(found))
        except (ValueError, RecursionError):
            continue
    return found


def json_ld_metadata(objects: list[JsonObject], url: str) -> PageMetadata:
    """Return the metadata of the talk at *url*, read from JSON-LD *objects*."""
    event = _event(objects, url)
    video = next((one for one in objects if "VideoObject" in _types(one)), {})
    subject = event or video
    people = _people(subject) or [one for one in objects if "Person" in _types(one)]
    day, starttime = _moment(event.get("startDate") or video.get("uploadDate"))
    end_day, endtime = _moment(event.get("endDate"))
    return PageMetadata(
        title=_text(subject.get("name") or subject.get("headline")),
        event=_name(event.get("superEvent")) or _name(video.get("recordedAt")),
        track=_name(event.get("location")),
        day=day,
        starttime=starttime if event else None,
        endtime=endtime if end_day == day else None,
        speakers=tuple(name for one in people if (name := _name(one)))[:MAX_SPEAKERS],
        speakers_url=_urls(people, ("url", "@id", "sameAs"), url),
        speakers_image_url=_urls(people, ("image",), url),
        video_url=first_of(_url(video.get(key), url) for key in ("contentUrl", "embedUrl", "url")),
        image_url=first_of((_url(subject.get("image"), url), _url(video.get("thumbnailUrl"), url))),
        abstract=_text(subject.get("description") or subject.get("abstract")),
        language=_language(subject.get("inLanguage")),
    )


def open_graph_metadata(properties: dict[str, str], url: str) -> PageMetadata:
    """Return the metadata in *properties* (``og:…``, ``description``) of the page at *url*."""
    video_keys = ("og:video:secure_url", "og:video:url", "og:video")
    return PageMetadata(
        title=_text(properties.get("og:title")),
        event=_text(properties.get("og:site_name")),
        video_url=first_of(_url(properties.get(key), url) for key in video_keys),
        image_url=_url(properties.get("og:image"), url),
        abstract=_text(properties.get("og:description") or properties.get("description")),
        language=_language(properties.get("og:locale")),
    )


def _objects(value: Any, most: int) -> list[JsonObject]:
    found: list[JsonObject] = []
    waiting = [value]
    while waiting and len(found) < most:
        one = waiting.pop()
        if isinstance(one, dict):
            found.append(one)
            waiting += reversed(list(one.values()))
        elif isinstance(one, list):
            waiting += reversed(one)
    return found


def _event(objects: list[JsonObject], url: str) -> JsonObject:
    """Return the event that the page at *url* describes; {} if there is no event.

    This is the event with that address, else the first event that is part of another event, else
    the first event.
    """
    events = [one for one in objects if any(name.endswith("Event") for name in _types(one))]
    here = [one for one in events if _url(one.get("url") or one.get("@id"), url) == url]
    parts = [one for one in events if "superEvent" in one]
    return next(iter([*here, *parts, *events]), {})


def _types(one: JsonObject) -> list[str]:
    return [name for name in _listed(one.get("@type")) if isinstance(name, str)]


def _people(subject: JsonObject) -> list[Any]:
    return next((found for key in _SPEAKERS if (found := _listed(subject.get(key)))), [])


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _name(value: Any) -> str | None:
    for one in _listed(value):
        name = _text(one.get("name") if isinstance(one, dict) else one)
        if name:
            return name
    return None


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return unescaped(_TAG.sub("", value[:MAX_MARKED])).strip()[:MAX_TEXT] or None


def _url(value: Any, base: str) -> str | None:
    for one in _listed(value):
        written = one.get("url") or one.get("contentUrl") if isinstance(one, dict) else one
        if isinstance(written, str) and (found := absolute(written, base)):
            return found
    return None


def _urls(people: list[Any], keys: tuple[str, ...], base: str) -> tuple[str, ...]:
    return tuple(_each_url(people, keys, base))[:MAX_SPEAKERS]


def _each_url(people: list[Any], keys: tuple[str, ...], base: str) -> Iterator[str]:
    for one in people:
        found = [_url(one.get(key), base) for key in keys] if isinstance(one, dict) else []
        if url := first_of(found):
            yield url


def _moment(value: Any) -> tuple[str | None, str | None]:
    match = _MOMENT.match(value) if isinstance(value, str) else None
    return (match[1], match[2]) if match else (None, None)


def _language(value: Any) -> str | None:
    for one in _listed(value):
        code = one.get("alternateName") if isinstance(one, dict) else one
        if isinstance(code, str) and _LANGUAGE.match(code):
            return code[:2].lower()
    return None
