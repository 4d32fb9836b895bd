"""Finds the links of a page, and puts them on the words to which they belong. In the child only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pymupdf

from secretary_documents.pdf.layout.model import Box, Span
from secretary_documents.pdf.mupdf.errors import or_else
from secretary_documents.pdf.mupdf.page import rotation_of

Link = tuple[Box, str]
"""The place of a link on the page, and its address."""
PlacedWord = tuple[float, float, float, float, str, int, int, int]

MOST_LINKS = 2000
_SCHEMES = ("http://", "https://", "mailto:")
# MuPDF ends a word at these characters.
_WORD = re.compile(r"[^\s\xa0]+")


def links_on(page: pymupdf.Page) -> list[Link]:
    """Return the links of *page* to addresses of the web and of mail, at most 2,000.

    A page whose links cannot be read has none.
    """
    return or_else(_web_links, page, [])


def _web_links(page: pymupdf.Page) -> list[Link]:
    # MuPDF gives the text of a page without its rotation, but the links with it.
    unturned = ~rotation_of(page)
    found = (link for link in page.get_links() if link["kind"] == pymupdf.LINK_URI)
    web = (link for link in found if link.get("uri", "").lower().startswith(_SCHEMES))
    return [
        (Box(*(pymupdf.Rect(link["from"]) * unturned)), link["uri"])
        for link, _ in zip(web, range(MOST_LINKS), strict=False)
    ]


def with_links(
    spans: tuple[Span, ...], words: Sequence[PlacedWord], links: Sequence[Link]
) -> tuple[Span, ...]:
    """Return the *spans* of a line. Each of its *words* whose middle is inside a link gets it."""
    if not links or not words:
        return spans
    top, bottom = min(word[1] for word in words), max(word[3] for word in words)
    near = [link for link in links if link[0].top < bottom and link[0].bottom > top]
    if not near:
        return spans
    targets = [_target_of(word, near) for word in words]
    places = [found.span() for found in _WORD.finditer("".join(span.text for span in spans))]
    if len(places) != len(targets) or not any(targets):
        return spans
    return tuple(_divided(spans, list(_ranges(places, targets))))


def _target_of(word: PlacedWord, links: Sequence[Link]) -> str | None:
    middle = (word[0] + word[2]) / 2, (word[1] + word[3]) / 2
    return next((target for place, target in links if place.holds(middle)), None)


def _ranges(
    places: Sequence[tuple[int, int]], targets: Sequence[str | None]
) -> Iterator[tuple[int, int, str]]:
    """Yield the start, the end and the address of each linked part of a text."""
    last: tuple[int, int, str] | None = None
    for (start, end), target in zip(places, targets, strict=True):
        if last and target == last[2]:
            last = (last[0], end, target)
            continue
        if last:
            yield last
        last = (start, end, target) if target else None
    if last:
        yield last


def _divided(spans: Sequence[Span], ranges: Sequence[tuple[int, int, str]]) -> Iterator[Span]:
    at = 0
    for span in spans:
        end = at + len(span.text)
        place = at
        for start, stop, target in ranges:
            if stop <= place or start >= end:
                continue
            if start > place:
                yield replace(span, text=span.text[place - at : start - at])
            inside = max(start, place), min(stop, end)
            yield replace(span, text=span.text[inside[0] - at : inside[1] - at], link=target)
            place = inside[1]
        if place < end:
            yield replace(span, text=span.text[place - at :])
        at = end
