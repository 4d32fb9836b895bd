"""Joins lines of text, and escapes text for Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A line to write on, in a form.
_BLANK = re.compile(r"(?:_ ?|\\_ ?){4,}")
_BREAK = re.compile(r"\n\s*\n")
# A hyphen after a letter divides a word if the next line starts with a lower-case letter.
_HYPHENS = ("-", "\N{SOFT HYPHEN}", "\N{HYPHEN}")
# Characters that would start a link, code, HTML, emphasis, deleted text or an entity.
_MARKS = re.compile(r"[\\`*\[\]<_~&]")
_MARK_UP = re.compile(
    r"[\\`*\[\]]|<(?=[A-Za-z/!?])|(?<![^\W_])_|_(?![^\W_])|~(?=~)|(?<=~)~|&(?=#?\w+;)"
)
_AT_LINE_START = re.compile(r"(#{1,6}(?=\s|$)|[>+\-=](?=\s|[-=]|$)|\d{1,9}(?=[.)](?:\s|$)))")


def join_lines(lines: Iterable[str]) -> str:
    """Return *lines* as one line. A word that was divided between two lines becomes one word."""
    parts: list[str] = []
    for line in lines:
        text = line.strip()
        if "_" in text:
            text = _BLANK.sub("___", text)
        if parts and text[:1].islower() and _is_divided(parts[-1]):
            parts[-1] = parts[-1][:-1] + text
        elif text:
            parts.append(text)
    return " ".join(parts)


def _is_divided(text: str) -> bool:
    return text.endswith(_HYPHENS) and text[-2:-1].isalpha()


def escape(text: str) -> str:
    """Return *text* escaped so that Markdown shows it unchanged inside a line."""
    if not _MARKS.search(text):
        return text
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
    return "\n\n".join(escape_start(escape(one)) for one in paragraphs_in(text))


def paragraphs_in(text: str) -> list[str]:
    """Return the paragraphs of recognised *text*, each as one line."""
    paragraphs = (join_lines(part.splitlines()) for part in _BREAK.split(text))
    return [one for one in paragraphs if one]
