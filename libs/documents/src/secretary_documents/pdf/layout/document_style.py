"""Measures the style of a document on a sample of its pages. Runs in the child only.

The sample does not depend on the pages that a job reads, so all jobs get the same text for a page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pymupdf

from secretary_documents.pdf.layout.plain_page import PlainPage
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.layout.style import LEAST_REPEATS, DocumentStyle, StyleSampler
from secretary_documents.pdf.mupdf.document import load_page
from secretary_documents.pdf.mupdf.errors import ODD_PAGE_ERRORS, raising_memory_error
from secretary_documents.pdf.mupdf.page import area_of

SAMPLED_PAGES = 24
# For plain text only the running heads matter, and time matters more.
_PLAIN_PAGES = 4
_MOST_TITLES = 2000


def sample_style(
    document: pymupdf.Document, read: Callable[[pymupdf.Page], PageSource] = PageSource
) -> DocumentStyle:
    """Return the style of *document*. *read* reads a sampled page."""
    sampler = StyleSampler()

    def add(page: pymupdf.Page) -> None:
        sampler.add(read(page).lines, area_of(page)[3])

    _each_sampled(document, SAMPLED_PAGES, add)
    return sampler.style(_outline(document))


def sample_running_lines(
    document: pymupdf.Document, read: Callable[[pymupdf.Page], PageSource] = PageSource
) -> DocumentStyle:
    """Return a style that has only the running heads and feet of *document*.

    *read* reads a sampled page.
    """
    keys: Counter[str] = Counter()
    if document.page_count >= LEAST_REPEATS:
        _each_sampled(
            document,
            _PLAIN_PAGES,
            lambda page: keys.update(PlainPage(read(page)).edge_keys()),
        )
    running = frozenset(key for key, count in keys.items() if count >= LEAST_REPEATS)
    return DocumentStyle(running=running)


def page_style(source: PageSource, running: frozenset[str]) -> DocumentStyle:
    """Return the style of a page alone, with the *running* lines of its document."""
    sampler = StyleSampler()
    sampler.add(source.lines, area_of(source.page)[3])
    return replace(sampler.style(), running=running)


def _each_sampled(
    document: pymupdf.Document, most: int, read: Callable[[pymupdf.Page], None]
) -> None:
    """Call *read* with sampled pages. A page that is damaged or odd does not count."""
    for number in sampled(document.page_count, most):
        with suppress(*ODD_PAGE_ERRORS), raising_memory_error():
            read(load_page(document, number + 1))


def sampled(count: int, most: int) -> list[int]:
    """Return the indices of *most* sampled pages, in pairs, because left and right differ."""
    if count <= most:
        return list(range(count))
    step = 2 * count / most
    starts = (int(pair * step) for pair in range(most // 2))
    return sorted({min(start + one, count - 1) for start in starts for one in (0, 1)})


def _outline(document: pymupdf.Document) -> list[tuple[str, int]]:
    try:
        with raising_memory_error():
            entries = document.get_toc(simple=True)[:_MOST_TITLES]
    except ODD_PAGE_ERRORS:
        return []
    return [(" ".join(str(title).lower().split()), int(level)) for level, title, *_ in entries]
