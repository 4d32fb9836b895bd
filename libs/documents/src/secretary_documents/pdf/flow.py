"""Lines of text put into headings, lists and paragraphs. Decides only; knows no PDF."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from secretary_documents.pdf.paragraph import escaped_start, joined

# As they stand in PDFs: typographic ones, and those of Symbol and Wingdings without a meaning.
_BULLET = re.compile(
    r"[•◦▪▫‣●○■□·∙➢➤✓❖\uf0b7\uf0a7\uf0d8\uf076\uf0fc]\s*|(?:[-\u2013\u2014]|\\\*)\s+"
)
_NUMBER = re.compile(r"(\d{1,3})[.)]\s+(?=\S)")
# Lines whose tops differ by less stand beside each other: a bullet and its text.
_SAME_LINE = 0.4
_INDENT_POINTS = 8.0
_MOST_LEVELS = 4
_HEADING_CHARS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page; its text is Markdown already, but for how it begins."""

    text: str
    level: int
    """Of the heading it is a part of; 0: none."""
    left: float
    """In points, like the others."""
    top: float
    bottom: float


class Verbatim(Protocol):
    """What is Markdown by itself."""

    def as_markdown(self) -> str:
        """Its Markdown."""
        ...


@dataclass(slots=True)
class _Item:
    marker: str
    left: float
    lines: list[str]


def as_markdown(parts: Iterable[Sequence[Line] | Verbatim]) -> str:
    """The Markdown of *parts*: blocks of lines, and what stands between them."""
    pieces: list[str] = []
    items: list[_Item] = []
    for part in parts:
        for piece in [part] if not isinstance(part, Sequence) else _pieces(part):
            if isinstance(piece, _Item):
                items.append(piece)
                continue
            pieces += _list_of(items)
            items = []
            pieces.append(piece if isinstance(piece, str) else piece.as_markdown())
    return "\n\n".join([*pieces, *_list_of(items)])


def _pieces(lines: Sequence[Line]) -> Iterator[str | _Item]:
    """Headings and paragraphs as Markdown, and the items of lists, in order."""
    run: list[str] = []
    level = 0
    item: _Item | None = None
    for line in _beside(lines):
        marked = None if line.level else _item_of(line)
        if run and (marked or line.level != level):
            yield _block(run, level)
            run = []
        if marked:
            item = marked
            yield item
        elif item and not line.level:
            item.lines.append(line.text)  # an item goes on to the end of its block
        else:
            item, level = None, line.level
            run.append(line.text)
    if run:
        yield _block(run, level)


def _beside(lines: Sequence[Line]) -> Iterator[Line]:
    """*lines*, those that stand beside each other as one."""
    last: Line | None = None
    for line in lines:
        if last and abs(line.top - last.top) < (last.bottom - last.top) * _SAME_LINE:
            last = replace(last, text=f"{last.text} {line.text}", level=max(last.level, line.level))
            continue
        if last:
            yield last
        last = line
    if last:
        yield last


def _item_of(line: Line) -> _Item | None:
    if match := _BULLET.match(line.text):
        marker = "-"
    elif match := _NUMBER.match(line.text):
        marker = f"{match[1]}."
    else:
        return None
    return _Item(marker, line.left, [line.text[match.end() :]])


def _block(lines: list[str], level: int) -> str:
    text = joined(lines)
    if level and len(text) <= _HEADING_CHARS:
        return f"{'#' * level} {text}"
    return escaped_start(text)


def _list_of(items: Sequence[_Item]) -> list[str]:
    """The list of *items*, indented as they stand on the page; none of none."""
    if not items:
        return []
    lines: list[str] = []
    lefts: list[float] = []
    indents: list[int] = []
    for item in items:
        while lefts and item.left < lefts[-1] - _INDENT_POINTS / 2:
            lefts.pop()
            indents.pop()
        if not lefts or (item.left > lefts[-1] + _INDENT_POINTS and len(lefts) < _MOST_LEVELS):
            # Under the text of the item before: as far in as its marker is wide.
            deeper = indents[-1] + len(lines[-1].split()[0]) + 1 if indents else 0
            lefts.append(item.left)
            indents.append(deeper)
        lines.append(f"{' ' * indents[-1]}{item.marker} {escaped_start(joined(item.lines))}")
    return ["\n".join(lines)]
