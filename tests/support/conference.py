"""A site that resembles a conference's: a talk with structured data, slides, captions, a recording.

The query sets the targets of the page's links, for example ``/talk?captions=/gone``. The site has a
recording only if the test passes one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from aiohttp import web
from markdown_it import MarkdownIt
from support import pdf_samples

TITLE = 'Leases: "that" end'
STEM = "Leases-that-end"
SPEAKERS = ["Käthe Müller", "Jo"]
PAGES = ["Folie eins", "Folie zwei"]
PDF = pdf_samples.text_pdf(PAGES, box=pdf_samples.SLIP)
PPTX = b"PK\x03\x04 slides of an office program"
LOCKED_PDF = pdf_samples.encrypted_pdf("secret")
VTT = "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nSaid {{title}} & <i>more</i>.\n"
SAID = "[00:00:01] Said {{title}} & more."
PAGE = """<html lang=en><head><title>x</title><script type="application/ld+json">
{{"@type": "Event", "name": "Leases: \\"that\\" end", "startDate": "2026-01-31T09:30:00+01:00",
"endDate": "2026-01-31T10:15:00+01:00", "location": {{"name": "H.1301"}},
"superEvent": {{"name": "Conf 2026"}}, "performer": [{{"name": "Käthe Müller"}}, {{"name": "Jo"}}],
"description": "A lease is a lock that ends."}}</script></head><body><h1>Other</h1>
<p>{extra}</p><a href="{slides}">Slides</a> <a href="{captions}">Captions</a>
<a href="{video}">Video</a></body></html>"""
LINKS = {
    "extra": "text",
    "slides": "/slides.pdf",
    "captions": "/talk.vtt",
    "video": "/talk.mp4",
}
METADATA = "http://169.254.169.254/latest/meta-data"

JsonObject = dict[str, Any]


def conference(recording: Callable[[], bytes] | None = None) -> web.Application:
    """Return the site. *recording* makes ``/talk.mp4``; with None there is no such file."""
    app = web.Application()
    app.router.add_get("/talk", _talk)
    app.router.add_get("/slides.pdf", _file(PDF, "application/pdf"))
    app.router.add_get("/locked.pdf", _file(LOCKED_PDF, "application/pdf"))
    app.router.add_get("/login.pdf", _file(b"<html>Log in</html>", "text/html"))
    app.router.add_get("/Deck.PPTX", _file(PPTX, "application/octet-stream"))
    app.router.add_get("/talk.vtt", _file(VTT.encode(), "text/vtt"))
    app.router.add_get("/broken.vtt", _file(b"<html>Log in</html>", "text/html"))
    app.router.add_get("/busy.vtt", _busy)
    app.router.add_get("/nothing", _file(b"", "text/html"))
    app.router.add_get("/inside", _inside)
    app.router.add_get("/gigabyte", _gigabyte)
    if recording is not None:
        app.router.add_get("/talk.mp4", _file(recording(), "video/mp4"))
    return app


async def _talk(request: web.Request) -> web.Response:
    return web.Response(text=PAGE.format(**{**LINKS, **request.query}), content_type="text/html")


def _file(body: bytes, content_type: str) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type)

    return answer


async def _busy(request: web.Request) -> web.Response:
    return web.Response(status=503)


async def _inside(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": METADATA})


async def _gigabyte(request: web.Request) -> web.StreamResponse:
    headers = {"Content-Type": "text/html", "Content-Length": str(2**30)}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    return response


def split(markdown: str) -> tuple[JsonObject, str]:
    """Return the front matter and the body of a Markdown file."""
    _, front, body = markdown.split("---\n", 2)
    return yaml.safe_load(front), body


def targets(body: str) -> list[str]:
    """Return the targets of the links and pictures in Markdown, as a parser finds them."""
    html = MarkdownIt().render(body)
    return [found[1] for found in re.finditer(r'<(?:a href|img src)="([^"]*)"', html)]
