"""Makes the addresses of links absolute, and classifies links by their target."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import urldefrag, urlsplit

from secretary_common.http.exact_url import joined_url
from secretary_documents.web.page import LinkKind

MAX_URL = 8192

_BY_SUFFIX = {
    **dict.fromkeys((".pdf", ".ppt", ".pptx", ".odp", ".key"), LinkKind.SLIDES),
    **dict.fromkeys((".vtt", ".srt"), LinkKind.CAPTIONS),
    **dict.fromkeys(
        (".mp4", ".webm", ".mkv", ".mov", ".ogv", ".mp3", ".m4a", ".ogg", ".opus", ".wav", ".flac"),
        LinkKind.MEDIA,
    ),
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".avif"), LinkKind.IMAGE),
}
_BY_TYPE = {
    "application/pdf": LinkKind.SLIDES,
    "application/vnd.ms-powerpoint": LinkKind.SLIDES,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": LinkKind.SLIDES,
    "application/vnd.oasis.opendocument.presentation": LinkKind.SLIDES,
    "text/vtt": LinkKind.CAPTIONS,
    "application/x-subrip": LinkKind.CAPTIONS,
}
_VIDEO_PAGES = re.compile(
    r"""(www\.|m\.)?youtube\.com/(watch\?|embed/|live/|shorts/) | youtu\.be/[\w-]{6}
      | (www\.)?youtube-nocookie\.com/embed/
      | (www\.)?vimeo\.com/[0-9]+ | player\.vimeo\.com/video/[0-9]
      | media\.ccc\.de/v/.""",
    re.VERBOSE,
)


def absolute(url: str, base: str) -> str | None:
    """Return the absolute http(s) address of *url* on a page at *base*; None if it is not valid."""
    url = "".join(url.split())
    if not url or url.startswith("#") or len(url) > MAX_URL:
        return None
    try:
        joined = joined_url(base, url)
        parts = urlsplit(joined)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or len(joined) > MAX_URL:
        return None
    return joined


def classify(url: str, content_type: str = "") -> LinkKind:
    """Return the kind of the absolute *url*; *content_type* is the type that the page names."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if kind.startswith(("video/", "audio/")):
        return LinkKind.MEDIA
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    if _VIDEO_PAGES.match(f"{parts.hostname or ''}{parts.path}{query}"):
        return LinkKind.VIDEO_PAGE
    return _BY_SUFFIX.get(PurePosixPath(parts.path).suffix.lower(), LinkKind.PAGE)


def is_same_page(url: str, base: str) -> bool:
    """Return whether *url* leads to the page at *base* or to a place in that page."""
    return urldefrag(url).url == urldefrag(base).url


def first_of(texts: Iterable[str | None]) -> str | None:
    """Return the first text that is not empty; None if all texts are empty."""
    return next((text for text in texts if text), None)
