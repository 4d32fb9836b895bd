"""Lines put together into paragraphs, and text kept from being taken for Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BREAK = re.compile(r"\n\s*\n")
# What ends a line inside a word: a hyphen after a letter, with a small letter to follow.
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\N{SOFT HYPHEN}\N{HYPHEN}]$")
# Everything that would start a link, code, HTML or emphasis.
_MARK_UP = re.compile(r"[\\`*\[\]]|<(?=[A-Za-z/!?])|(?<!\w)_|_(?!\w)")
_AT_LINE_START = re.compile(r"(#{1,6}(?=\s|$)|[>+\-=](?=\s|[-=]|$)|\d{1,9}(?=[.)](?:\s|$)))")


def joined(lines: Iterable[str]) -> str:
    """*lines* as one, words that were divided at a line's end whole again."""
    text = ""
    for line in (line.strip() for line in lines):
        if text and line[:1].islower() and _HYPHENATED.search(text):
            text = text[:-1] + line
        else:
            text = f"{text} {line}" if text and line else text or line
    return text


def escaped(text: str) -> str:
    """*text* so that Markdown shows it as it is, inside a line."""
    return _MARK_UP.sub(r"\\\g<0>", text)


def escaped_start(text: str) -> str:
    """An escaped line that begins no heading, list or quotation."""
    if not (match := _AT_LINE_START.match(text)):
        return text
    if match[0].isdecimal():
        return f"{match[0]}\\{text[match.end() :]}"
    return f"\\{text}"


def as_paragraphs(text: str) -> str:
    """Recognised *text* as Markdown: its paragraphs, each in one line."""
    paragraphs = (joined(part.splitlines()) for part in _BREAK.split(text))
    return "\n\n".join(escaped_start(escaped(one)) for one in paragraphs if one)
