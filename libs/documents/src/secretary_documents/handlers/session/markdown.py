"""Makes the text for the model, and the values for the template that are not facts."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from urllib.parse import quote

from secretary_common.models import JsonObject
from secretary_documents.handlers.session.plan import SessionPlan
from secretary_documents.handlers.session.talk import Attachment
from secretary_documents.web.link import classify
from secretary_documents.web.page import LinkKind, WebPage

_YOUTUBE = re.compile(
    r"https?://(?:[\w-]+\.)?(?:youtube(?:-nocookie)?\.com/(?:watch\?(?:.*&)?v=|embed/|live/|shorts/)"
    r"|youtu\.be/)([\w-]{6,20})"
)
_VIMEO = re.compile(r"https?://(?:www\.|player\.)?vimeo\.com/(?:video/)?([0-9]+)")
# Characters that would end the text or the target of a link.
_IN_TEXT = str.maketrans({character: f"\\{character}" for character in "\\[]"})
_IN_TARGET = str.maketrans({character: quote(character) for character in ' "<>()\\'})
_LISTED = (LinkKind.SLIDES, LinkKind.CAPTIONS, LinkKind.MEDIA, LinkKind.VIDEO_PAGE)


def model_text(page: WebPage, transcript: str, attachments: Sequence[Attachment]) -> str:
    """Return page, transcript and slides as one text for the model."""
    parts = [f"# Page\n\n{page.text}"]
    if transcript:
        parts.append(f"# Transcript\n\n{transcript}")
    parts += [f"# Slides: {one.title}\n\n{_texts(one)}" for one in attachments if one.pages]
    return "\n\n".join(parts)


def template_values(
    plan: SessionPlan, page: WebPage, transcript: str, attachments: Sequence[Attachment]
) -> JsonObject:
    """Return the values for a session's template, with an empty value for each fact.

    The caller puts the known facts in place of the empty values.
    """
    links = [link for link in page.links if link.kind in _LISTED]
    return {
        **_EMPTY_FACTS,
        "links": [markdown_link(link.text or link.url, link.url) for link in links],
        "slides": _slides(attachments),
        "videoplayer": video_player(plan.video_url),
        "video_transcript": transcript,
        "web_text": page.text,
    }


def video_player(url: str | None) -> str:
    """Return HTML that plays the video at *url*, or a link to it. For None return an empty text."""
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
        parts.append(markdown_link(one.title, one.file or one.url))
        for number, page in enumerate(one.pages, start=1):
            picture = page.preview and f"!{markdown_link(f'{one.title} {number}', page.preview)}"
            parts += [part for part in (f"### {number}", picture, page.text) if part]
    return "\n\n".join(parts)


def _texts(attachment: Attachment) -> str:
    pages = enumerate(attachment.pages, start=1)
    return "\n\n".join(f"### {number}\n\n{page.text}" for number, page in pages)


def markdown_link(text: str, target: str) -> str:
    """Return a Markdown link. *text* and *target* may contain any characters."""
    return f"[{' '.join(text.split()).translate(_IN_TEXT)}]({target.translate(_IN_TARGET)})"


# A page need not have these facts. With a value for each, a missing fact causes no warning.
_EMPTY_FACTS: JsonObject = {
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
