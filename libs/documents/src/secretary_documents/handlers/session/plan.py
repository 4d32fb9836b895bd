"""Combines the facts of the parameters and of the page, and plans which sources to fetch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from secretary_common.models import JsonObject
from secretary_documents.handlers.session.parameters import SessionParameters
from secretary_documents.web.page import Link, LinkKind, WebPage

MAX_ATTACHMENTS = 10
MAX_STEM = 80

_VIDEO_SUFFIXES = (".mp4", ".webm", ".mkv", ".mov", ".ogv")
_NO_NAME = re.compile(r"[^\w-]+")


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """The facts about a talk, and the captions and slides to fetch."""

    facts: JsonObject
    """The facts by the names of the parameters. Unknown facts are left out."""
    captions: Link | None
    attachments: tuple[Link, ...]
    stem: str
    """The name of the Markdown file, without ``.md``."""

    @property
    def video_url(self) -> str | None:
        """The address of the recording, if there is one."""
        url: str | None = self.facts.get("video_url")
        return url


def plan_session(parameters: SessionParameters, page: WebPage) -> SessionPlan:
    """Return the plan for a talk. Facts in *parameters* replace facts of the *page*."""
    attachments = _attachments(parameters, page)
    given = parameters.model_dump(include=set(_from_page(page)), exclude_none=True)
    facts = {**_from_page(page), **given}
    if attachments:
        facts["attachments_url"] = attachments[0].url
    known = {name: value for name, value in facts.items() if value}
    stem = (parameters.filename or "").removesuffix(".md") or slug(known.get("session", ""))
    return SessionPlan(
        facts={**known, "url": page.url},
        captions=None if parameters.video_transcript else _captions(parameters, page),
        attachments=attachments,
        stem=stem or "session",
    )


def slug(text: str) -> str:
    """Return *text* as a part of a file's name: letters, digits, dashes and underscores."""
    return _NO_NAME.sub("-", text)[:MAX_STEM].strip("-_")


def _from_page(page: WebPage) -> dict[str, Any]:
    facts = page.metadata
    return {
        "session": page.title,
        "event": facts.event,
        "track": facts.track,
        "day": facts.day,
        "starttime": facts.starttime,
        "endtime": facts.endtime,
        "speakers": list(facts.speakers),
        "speakers_url": list(facts.speakers_url),
        "speakers_image_url": list(facts.speakers_image_url),
        "abstract": facts.abstract,
        "video_url": facts.video_url or _video(page),
    }


def _video(page: WebPage) -> str | None:
    files = [link.url for link in page.of_kind(LinkKind.MEDIA)]
    videos = [url for url in files if url.partition("?")[0].lower().endswith(_VIDEO_SUFFIXES)]
    pages = [link.url for link in page.of_kind(LinkKind.VIDEO_PAGE)]
    return next(iter([*videos, *pages, *files]), None)


def _attachments(parameters: SessionParameters, page: WebPage) -> tuple[Link, ...]:
    found = page.of_kind(LinkKind.SLIDES)
    if parameters.attachments_url is not None:
        given = Link(parameters.attachments_url, "", LinkKind.SLIDES)
        found = [given, *(link for link in found if link.url != given.url)]
    return tuple(found[:MAX_ATTACHMENTS])


def _captions(parameters: SessionParameters, page: WebPage) -> Link | None:
    found = page.of_kind(LinkKind.CAPTIONS)
    wanted = [link for link in found if link.language == parameters.source_language]
    return next(iter([*wanted, *found]), None)
