"""The model of a web page: its text, its metadata and its links."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

JsonObject = dict[str, Any]


class LinkKind(StrEnum):
    """The kind of a link's target, judged by its address and its type."""

    SLIDES = "slides"
    CAPTIONS = "captions"
    MEDIA = "media"
    """A video or audio file to download."""
    VIDEO_PAGE = "video_page"
    """A page of a video platform."""
    IMAGE = "image"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a page."""

    url: str
    """Absolute, http or https."""
    text: str
    kind: LinkKind
    language: str | None = None
    """The language of the target, if the page names it."""


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """The metadata of a page. A value that the page does not contain is None or empty."""

    title: str | None = None
    event: str | None = None
    track: str | None = None
    day: str | None = None
    """YYYY-MM-DD if the page contains such a date, else the words of the page."""
    starttime: str | None = None
    """HH:MM, in the time zone of the page."""
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
    """A page that was read."""

    url: str
    """The address after all redirects."""
    title: str | None
    text: str
    """The text that people see, in Markdown, with the addresses of links."""
    metadata: PageMetadata = field(default_factory=PageMetadata)
    links: tuple[Link, ...] = ()

    def of_kind(self, kind: LinkKind) -> list[Link]:
        """Return the links of *kind* in the order of the page."""
        return [link for link in self.links if link.kind is kind]

    def as_json(self) -> JsonObject:
        """Return the page as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: JsonObject) -> WebPage:
        """Return the page whose ``as_json`` returned *value*.

        Raises:
            ValueError: *value* is not a page. A child that has read untrusted bytes may send this.
        """
        try:
            metadata: JsonObject = {
                name: tuple(part) if isinstance(part, list) else part
                for name, part in value["metadata"].items()
            }
            links = tuple(
                Link(**{**link, "kind": LinkKind(link["kind"])}) for link in value["links"]
            )
            page = cls(**{**value, "metadata": PageMetadata(**metadata), "links": links})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("not a page") from error
        return page
