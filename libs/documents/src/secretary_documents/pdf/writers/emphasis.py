"""Writes the pieces of a line as Markdown with their markup: bold, italic and code.

A mark that Markdown would not read as such, for example inside of a word before a bracket, is left
out: the text is never changed.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from secretary_documents.pdf.layout.model import Markup, Span
from secretary_documents.pdf.writers.markup import escape

_EMPHASIS = Markup.BOLD | Markup.ITALIC
_STARS = {
    Markup.NONE: "",
    Markup.ITALIC: "*",
    Markup.BOLD: "**",
    _EMPHASIS: "***",
}
_TICKS = re.compile(r"`+")

_Piece = tuple[Markup, str]


def marked(spans: Sequence[Span]) -> str:
    """Return *spans* as Markdown. Blanks at the edges of marked text are outside of the marks."""
    groups = [
        (emphasis, "".join(_escaped(pieces)))
        for emphasis, pieces in groupby(_pieces(spans), lambda piece: piece[0] & _EMPHASIS)
    ]
    written = ""
    for index, (emphasis, text) in enumerate(groups):
        after = groups[index + 1][1][:1] if index + 1 < len(groups) else ""
        stars = _STARS[emphasis] if _is_readable(written[-1:], text, after) else ""
        written += f"{stars}{text}{stars}"
    return written


def _pieces(spans: Iterable[Span]) -> Iterator[_Piece]:
    """Yield texts with their markup: blanks at the edges have none, and no marks touch."""
    last = Markup.NONE
    for markup, text in _trimmed(spans):
        before, emphasis, code = last & _EMPHASIS, markup & _EMPHASIS, markup & Markup.CODE
        if code & last:
            emphasis = before
        elif before and emphasis and emphasis != before:
            emphasis = before if before in emphasis else Markup.NONE
        last = emphasis | code
        yield last, text


def _trimmed(spans: Iterable[Span]) -> Iterator[_Piece]:
    for markup, group in groupby(spans, lambda span: span.markup):
        text = "".join(span.text for span in group)
        start = len(text) - len(text.lstrip())
        end = len(text.rstrip()) if text.strip() else start
        for kind, part in (
            (Markup.NONE, text[:start]),
            (markup, text[start:end]),
            (Markup.NONE, text[end:]),
        ):
            if part:
                yield kind, part


def _escaped(pieces: Iterable[_Piece]) -> Iterator[str]:
    for markup, group in groupby(pieces, lambda piece: piece[0]):
        text = "".join(part for _, part in group)
        yield code_span(text) if Markup.CODE in markup else escape(text)


def code_span(text: str) -> str:
    """Return *text* as code inside of a line, between more backticks than it has in a row."""
    ticks = "`" * (max(map(len, _TICKS.findall(text)), default=0) + 1)
    edge = " " if "`" in (text[0], text[-1]) else ""
    return f"{ticks}{edge}{text}{edge}{ticks}"


def _is_readable(before: str, text: str, after: str) -> bool:
    """Return whether stars around *text* mark it, between the characters *before* and *after*."""
    return (not _is_mark(text[0]) or _is_edge(before)) and (
        not _is_mark(text[-1]) or _is_edge(after)
    )


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"


def _is_edge(char: str) -> bool:
    return (
        not char
        or char.isspace()
        or char in string.punctuation
        or unicodedata.category(char).startswith("P")
    )
