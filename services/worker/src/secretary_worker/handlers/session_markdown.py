"""What the template of a session is filled with, beside the facts."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from secretary_common.models import JsonObject
from secretary_worker.handlers.session_plan import SessionPlan
from secretary_worker.web.link import classify
from secretary_worker.web.page import LinkKind, WebPage

_YOUTUBE = re.compile(
    r"https?://(?:[\w-]+\.)?(?:youtube(?:-nocookie)?\.com/(?:watch\?(?:.*&)?v=|embed/|live/|shorts/)"
    r"|youtu\.be/)([\w-]{6,20})"
)
_VIMEO = re.compile(r"https?://(?:www\.|player\.)?vimeo\.com/(?:video/)?([0-9]+)")
_LISTED = (LinkKind.SLIDES, LinkKind.CAPTIONS, LinkKind.MEDIA, LinkKind.VIDEO_PAGE)


@dataclass(slots=True)
class Attachment:
    """Slides of a talk."""

    url: str
    title: str
    file: str | None = None
    """The name under which they are a file of the job."""
    pages: list[str] = field(default_factory=list)
    """Their text, page by page."""

    def told(self) -> JsonObject:
        """As it stands in results."""
        return {"url": self.url, "title": self.title, "file": self.file, "pages": len(self.pages)}


def model_text(page: WebPage, transcript: str, attachments: Sequence[Attachment]) -> str:
    """All that is known of a talk, for the model."""
    parts = [f"# Page\n\n{page.text}"]
    if transcript:
        parts.append(f"# Transcript\n\n{transcript}")
    parts += [f"# Slides: {one.title}\n\n{_pages(one)}" for one in attachments if one.pages]
    return "\n\n".join(parts)


def values_of(
    plan: SessionPlan, page: WebPage, transcript: str, attachments: Sequence[Attachment]
) -> JsonObject:
    """What the names of a template stand for, besides the facts; those nobody knows are empty."""
    links = [link for link in page.links if link.kind in _LISTED]
    return {
        **_NOTHING,
        "links": [f"[{link.text or link.url}]({link.url})" for link in links],
        "slides": _slides(attachments),
        "videoplayer": video_player(plan.video_url),
        "video_transcript": transcript,
        "web_text": page.text,
    }


def video_player(url: str | None) -> str:
    """HTML that plays the video at *url*; empty without one."""
    if url is None:
        return ""
    if match := _YOUTUBE.match(url):
        return _frame(f"https://www.youtube-nocookie.com/embed/{match[1]}")
    if match := _VIMEO.match(url):
        return _frame(f"https://player.vimeo.com/video/{match[1]}")
    escaped = html.escape(url)
    if classify(url) is LinkKind.MEDIA:
        return f'<video controls width="640" src="{escaped}"></video>'
    return f"<{escaped}>"


def _frame(url: str) -> str:
    return f'<iframe width="640" height="360" src="{url}" allowfullscreen></iframe>'


def _slides(attachments: Sequence[Attachment]) -> str:
    parts = []
    for one in attachments:
        parts.append(f"[{one.title}](<{one.file or one.url}>)")
        if one.pages:
            parts.append(_pages(one))
    return "\n\n".join(parts)


def _pages(attachment: Attachment) -> str:
    return "\n\n".join(f"### {number}\n\n{text}" for number, text in enumerate(attachment.pages, 1))


# What a page may well not say is no reason for a warning.
_NOTHING: JsonObject = {
    "session": "",
    "event": "",
    "track": "",
    "day": "",
    "starttime": "",
    "endtime": "",
    "speakers": [],
    "speakers_url": [],
    "speakers_image_url": [],
    "abstract": "",
    "video_url": "",
    "attachments_url": "",
}
