"""What there is to a web page: its text with links, its facts, its links by what they lead to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

JsonObject = dict[str, Any]


class LinkKind(StrEnum):
    """What a link leads to, as far as its address tells."""

    SLIDES = "slides"
    CAPTIONS = "captions"
    MEDIA = "media"
    """A file with picture or sound, to be downloaded."""
    VIDEO_PAGE = "video_page"
    """A page of a video platform."""
    IMAGE = "image"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Link:
    """Something a page leads to."""

    url: str
    """Absolute, http or https."""
    text: str
    kind: LinkKind
    language: str | None = None
    """Of captions, where the page tells it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a page says of the talk or text it is about; None or empty: it does not say."""

    title: str | None = None
    event: str | None = None
    track: str | None = None
    day: str | None = None
    """YYYY-MM-DD where the page is exact, else in its words."""
    starttime: str | None = None
    """HH:MM, in the page's own time zone."""
    endtime: str | None = None
    speakers: tuple[str, ...] = ()
    speakers_url: tuple[str, ...] = ()
    speakers_image_url: tuple[str, ...] = ()
    video_url: str | None = None
    image_url: str | None = None
    abstract: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page as it was read."""

    url: str
    """Where it was found, after all redirects."""
    title: str | None
    text: str
    """All of it that is for people, in Markdown, links with their addresses."""
    facts: Facts = field(default_factory=Facts)
    links: tuple[Link, ...] = ()

    def of_kind(self, kind: LinkKind) -> list[Link]:
        """The links of *kind*, in the order of the page."""
        return [link for link in self.links if link.kind is kind]

    def as_json(self) -> JsonObject:
        """The page as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: JsonObject) -> WebPage:
        """A page as ``as_json`` wrote it.

        Raises:
            ValueError: it is none; it may come from a child that has read untrusted bytes.
        """
        try:
            facts: JsonObject = {
                name: tuple(part) if isinstance(part, list) else part
                for name, part in value["facts"].items()
            }
            links = tuple(
                Link(**{**link, "kind": LinkKind(link["kind"])}) for link in value["links"]
            )
            page = cls(**{**value, "facts": Facts(**facts), "links": links})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("no page") from error
        return page
