"""Writes the text of a page as Markdown: headings, lists, tables, links.

Runs in the child process only. A heading is larger than the body text of the document. The size of
the body text is measured on a sample of pages (``sample_font_scale``). The sample does not depend
on the pages that a job reads, so all jobs get the same Markdown for a page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pymupdf

from secretary_documents.pdf.layout import TextLine, blocks_to_markdown, escape
from secretary_documents.pdf.mupdf import MUPDF_ERRORS, TEXT_FLAGS, raising_memory_error
from secretary_documents.pdf.table import Table, tables_on

SAMPLED_PAGES = 24
# A heading is larger than the body text by at least this factor. Rounding causes smaller
# differences.
HEADING_FACTOR = 1.15
HEADING_LEVELS = 4
# A font size with more than this share of all letters is body text, even if it is large.
_HEADING_SHARE = 0.25
_LINK_COVER = 0.5


@dataclass(frozen=True, slots=True)
class FontScale:
    """The font sizes of headings."""

    sizes: tuple[float, ...]
    """The sizes, the largest first."""

    def level(self, size: float) -> int:
        """Return the heading level of text of *size*: 1 is the highest, 0 is no heading."""
        return self.sizes.index(_rounded(size)) + 1 if _rounded(size) in self.sizes else 0


def font_scale(letters: Counter[float]) -> FontScale:
    """Return the font scale of a document. *letters*: the number of letters by font size."""
    if not letters:
        return FontScale(())
    body = max(letters, key=lambda size: (letters[size], -size))
    total = letters.total()
    larger = [
        size
        for size, count in letters.items()
        if size >= body * HEADING_FACTOR and count <= total * _HEADING_SHARE
    ]
    return FontScale(tuple(sorted(larger, reverse=True)[:HEADING_LEVELS]))


class MarkdownWriter:
    """Writes pages of one document as Markdown."""

    def __init__(self, scale: FontScale) -> None:
        self._scale = scale

    def write(self, page: pymupdf.Page) -> str:
        """Return *page* as Markdown."""
        tables = tables_on(page)
        links = _links_on(page)
        parts: list[list[TextLine] | Table] = []
        for block in _blocks_of(page):
            lines = []
            for line in block["lines"]:
                if table := _table_around(line, tables):
                    # The table is written once, at the place of its first text.
                    if table not in parts:
                        parts.append(table)
                elif read := self._line(line, links):
                    lines.append(read)
            parts.append(lines)
        return blocks_to_markdown(parts)

    def _line(self, line: dict[str, Any], links: list[_Link]) -> TextLine | None:
        spans = [span for span in line["spans"] if span["text"]]
        if not "".join(span["text"] for span in spans).strip():
            return None
        largest = max(spans, key=lambda span: len(span["text"].strip()))
        left, top, _, bottom = line["bbox"]
        return TextLine(
            text=_linked(spans, links).strip(),
            level=self._scale.level(largest["size"]),
            left=left,
            top=top,
            bottom=bottom,
        )


@dataclass(frozen=True, slots=True)
class _Link:
    box: pymupdf.Rect
    target: str


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _blocks_of(page: pymupdf.Page) -> Iterator[dict[str, Any]]:
    for block in page.get_text("dict", flags=TEXT_FLAGS)["blocks"]:
        if block["type"] == 0:  # text
            yield block


def sample_font_scale(document: pymupdf.Document) -> FontScale:
    """Return the font scale of *document*, measured on a sample of its pages."""
    return font_scale(_letters_by_size(document))


def _letters_by_size(document: pymupdf.Document) -> Counter[float]:
    letters: Counter[float] = Counter()
    step = max(1, document.page_count // SAMPLED_PAGES)
    for number in range(0, document.page_count, step):
        try:
            with raising_memory_error():
                for block in _blocks_of(document.load_page(number)):
                    for line in block["lines"]:
                        for span in line["spans"]:
                            letters[_rounded(span["size"])] += len(span["text"].strip())
        except MUPDF_ERRORS:
            continue  # a damaged page does not count
    return +letters


def _links_on(page: pymupdf.Page) -> list[_Link]:
    return [
        _Link(pymupdf.Rect(link["from"]), link["uri"])
        for link in page.get_links()
        if link["kind"] == pymupdf.LINK_URI
        and link.get("uri", "").lower().startswith(("http://", "https://", "mailto:"))
    ]


def _linked(spans: list[dict[str, Any]], links: list[_Link]) -> str:
    """Return the Markdown of *spans*. Adjacent spans with the same link target become one link."""
    runs: list[tuple[str | None, str]] = []
    for span in spans:
        target = _target_of(pymupdf.Rect(span["bbox"]), links)
        if runs and runs[-1][0] == target:
            runs[-1] = (target, runs[-1][1] + span["text"])
        else:
            runs.append((target, span["text"]))
    return "".join(escape(text) if target is None else _link(text, target) for target, text in runs)


def _target_of(box: pymupdf.Rect, links: list[_Link]) -> str | None:
    area = abs(box)
    for link in links:
        if area and abs(box & link.box) >= area * _LINK_COVER:
            return link.target
    return None


def _link(text: str, target: str) -> str:
    shown = text.strip()
    if not shown:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    address = "".join(f"%{ord(char):02X}" if char in " <>()\n\\" else char for char in target)
    return f"{before}[{escape(shown)}]({address}){after}"


def _table_around(line: dict[str, Any], tables: list[Table]) -> Table | None:
    left, top, right, bottom = line["bbox"]
    x, y = (left + right) / 2, (top + bottom) / 2
    return next((table for table in tables if table.holds(x, y)), None)
