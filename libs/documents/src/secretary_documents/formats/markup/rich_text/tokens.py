"""Cuts rich text (RTF) into tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?"
    rb"|\\'(?P<hex>[0-9a-fA-F]{2})"
    rb"|\\(?P<symbol>[^a-zA-Z])"
    rb"|(?P<brace>[{}])"
    rb"|(?P<text>[^\\{}\r\n]+)",
    re.DOTALL,
)

# No control word has a blank.
OPEN, CLOSE = "open group", "close group"

SYMBOLS = {
    "tab": "\t",
    "line": "\n",
    "softline": "\n",
    "column": "\n",
    "emdash": "\u2014",
    "endash": "\u2013",
    "bullet": "\u2022",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
    "emspace": " ",
    "enspace": " ",
    "~": "\xa0",
    "_": "\u2011",
    "\\": "\\",
    "{": "{",
    "}": "}",
    "nestcell": ", ",
    "nestrow": "; ",
}
"""The text of the words and symbols that stand for text."""


@dataclass(frozen=True, slots=True)
class Token:
    """A control word, a brace, or text."""

    word: str = ""
    """A control word or symbol, or ``OPEN`` or ``CLOSE``; empty for text."""
    number: int | None = None
    text: bytes = b""


@dataclass(slots=True)
class PlaceTexts:
    """The texts of the places that have text of their own, such as footnotes."""

    by_place: dict[str, str] = field(default_factory=dict)

    def add(self, place: str, text: str) -> None:
        """Add *text* to a place."""
        self.by_place[place] = self.by_place.get(place, "") + text

    def take(self, place: str) -> str:
        """Return the text of a place and forget it."""
        return self.by_place.pop(place, "")


def tokens_in(content: bytes) -> Iterator[Token]:
    """Yield the tokens of *content*. The token of the word ``bin`` has the bytes after it."""
    at = 0
    while match := _TOKEN.search(content, at):
        at = match.end()
        kind = match.lastgroup
        if match["word"] is not None:
            number = None if match["number"] is None else int(match["number"])
            word = match["word"].decode()
            binary = content[at : at + max(number or 0, 0)] if word == "bin" else b""
            at += len(binary)
            yield Token(word, number, binary)
        elif kind == "hex":
            yield Token(text=bytes([int(match["hex"], 16)]))
        elif kind == "symbol":
            yield Token(match["symbol"].decode("latin-1"))
        elif kind == "brace":
            yield Token(OPEN if match["brace"] == b"{" else CLOSE)
        else:
            yield Token(text=match["text"])
