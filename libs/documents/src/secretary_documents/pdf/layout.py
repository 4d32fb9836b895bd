"""Joins lines of text into Markdown headings, lists and paragraphs, and escapes markup.

No I/O and no PDF library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

# Bullets as PDFs have them: typographic ones, and private characters of Symbol and Wingdings.
_BULLET = re.compile(
    r"[•◦▪▫‣●○■□·∙➢➤✓❖\uf0b7\uf0a7\uf0d8\uf076\uf0fc]\s*|(?:[-\u2013\u2014]|\\\*)\s+"
)
_NUMBER = re.compile(r"(\d{1,3})[.)]\s+(?=\S)")
# Two lines are side by side, such as a bullet and its text, if their tops differ by less than this
# share of the line's height.
_SAME_LINE = 0.4
_INDENT_POINTS = 8.0
_MOST_LEVELS = 4
_HEADING_CHARS = 200
_BREAK = re.compile(r"\n\s*\n")
# A hyphen after a letter divides a word if the next line starts with a lower-case letter.
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\N{SOFT HYPHEN}\N{HYPHEN}]$")
# Characters that would start a link, code, HTML or emphasis.
_MARK_UP = re.compile(r"[\\`*\[\]]|<(?=[A-Za-z/!?])|(?<!\w)_|_(?!\w)")
_AT_LINE_START = re.compile(r"(#{1,6}(?=\s|$)|[>+\-=](?=\s|[-=]|$)|\d{1,9}(?=[.)](?:\s|$)))")


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of a page."""

    text: str
    """Escaped Markdown. Its beginning is not escaped yet (``escape_start``)."""
    level: int
    """The level of the heading to which the line belongs; 0 if it belongs to no heading."""
    left: float
    """A coordinate in points, like ``top`` and ``bottom``."""
    top: float
    bottom: float


class MarkdownBlock(Protocol):
    """A block that makes its own Markdown, such as a table."""

    def as_markdown(self) -> str:
        """Return the block as Markdown."""
        ...


@dataclass(slots=True)
class _Item:
    marker: str
    left: float
    lines: list[str]


def blocks_to_markdown(parts: Iterable[Sequence[TextLine] | MarkdownBlock]) -> str:
    """Return the Markdown of *parts*: blocks of lines, and blocks that make their own Markdown."""
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


def _pieces(lines: Sequence[TextLine]) -> Iterator[str | _Item]:
    """Yield headings and paragraphs as Markdown, and the items of lists, in order."""
    run: list[str] = []
    level = 0
    item: _Item | None = None
    for line in _merge_side_by_side(lines):
        marked = None if line.level else _item_of(line)
        if run and (marked or line.level != level):
            yield _block(run, level)
            run = []
        if marked:
            item = marked
            yield item
        elif item and not line.level:
            item.lines.append(line.text)  # an item reaches to the end of its block
        else:
            item, level = None, line.level
            run.append(line.text)
    if run:
        yield _block(run, level)


def _merge_side_by_side(lines: Sequence[TextLine]) -> Iterator[TextLine]:
    """Yield *lines*. Lines that are side by side become one line."""
    last: TextLine | None = None
    for line in lines:
        if last and abs(line.top - last.top) < (last.bottom - last.top) * _SAME_LINE:
            last = replace(last, text=f"{last.text} {line.text}", level=max(last.level, line.level))
            continue
        if last:
            yield last
        last = line
    if last:
        yield last


def _item_of(line: TextLine) -> _Item | None:
    if match := _BULLET.match(line.text):
        marker = "-"
    elif match := _NUMBER.match(line.text):
        marker = f"{match[1]}."
    else:
        return None
    return _Item(marker, line.left, [line.text[match.end() :]])


def _block(lines: list[str], level: int) -> str:
    text = join_lines(lines)
    if level and len(text) <= _HEADING_CHARS:
        return f"{'#' * level} {text}"
    return escape_start(text)


def _list_of(items: Sequence[_Item]) -> list[str]:
    """Return the Markdown of a list of *items*, indented as on the page; [] without items."""
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
            # Nested under the text of the previous item: indented by the width of its marker.
            deeper = indents[-1] + len(lines[-1].split()[0]) + 1 if indents else 0
            lefts.append(item.left)
            indents.append(deeper)
        lines.append(f"{' ' * indents[-1]}{item.marker} {escape_start(join_lines(item.lines))}")
    return ["\n".join(lines)]


def join_lines(lines: Iterable[str]) -> str:
    """Return *lines* as one line. A word that was divided between two lines becomes one word."""
    text = ""
    for line in (line.strip() for line in lines):
        if text and line[:1].islower() and _HYPHENATED.search(text):
            text = text[:-1] + line
        else:
            text = f"{text} {line}" if text and line else text or line
    return text


def escape(text: str) -> str:
    """Return *text* escaped so that Markdown shows it unchanged inside a line."""
    return _MARK_UP.sub(r"\\\g<0>", text)


def escape_start(text: str) -> str:
    """Return a line with its beginning escaped, so that it starts no heading, list or quotation."""
    if not (match := _AT_LINE_START.match(text)):
        return text
    if match[0].isdecimal():
        return f"{match[0]}\\{text[match.end() :]}"
    return f"\\{text}"


def text_to_markdown(text: str) -> str:
    """Return recognised *text* as Markdown, with each paragraph in one line."""
    paragraphs = (join_lines(part.splitlines()) for part in _BREAK.split(text))
    return "\n\n".join(escape_start(escape(one)) for one in paragraphs if one)
