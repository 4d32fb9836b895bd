"""Which way the text of a page is best read. Decides only; looks at nothing itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

# Tried on 1,343 pages of public test corpora: enough letters mean real text, a page mostly covered
# by an image is a scan, and letters drawn as outlines take some two hundred paths.
GOOD_TEXT_CHARS = 20
GARBLED_SHARE = 0.10
SCAN_COVER = 0.30
# A scan that fills its page may bear a stamp, a header, a line of where it was downloaded; one that
# was read before carries the text of a page.
STAMP_CHARS = 200
FULL_COVER = 0.80
OUTLINE_PATHS = 200

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Method(StrEnum):
    """How the text of a page was read."""

    NATIVE = "native"
    OCR = "ocr"


class Reason(StrEnum):
    """Why that way."""

    TEXT = "text"
    """The page carries good text."""
    FEW_CHARACTERS = "few_characters"
    """Little text, and nothing that looks like more."""
    BLANK = "blank"
    SCAN = "scan"
    """An image covers the page."""
    OUTLINES = "outlines"
    """Letters drawn as paths."""
    GARBLED = "parsing_answer"
    """Text whose characters cannot be told from the file."""
    NOTHING_RECOGNISED = "nothing_recognised"
    """OCR found no more than the little native text, which stands."""
    UNREADABLE = "unreadable"
    """The page is damaged; the others are not."""
    TOO_LARGE = "too_large"
    """Within the pixels it may have, nothing could be read."""


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What is known of a page from its native text."""

    letters: int
    """Letters and digits."""
    unknown_share: float
    """Characters that mean nothing, of all visible ones: 0 to 1."""


@dataclass(frozen=True, slots=True)
class DrawnFacts:
    """What is known of a page from what is drawn on it."""

    image_cover: float
    """How much of the page images cover: 0 to 1."""
    paths: int
    """Drawing operations."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How to read a page, and why so."""

    method: Method
    reason: Reason


def choose(text: TextFacts, look: Callable[[], DrawnFacts]) -> Choice:
    """The best way to read a page.

    *look* is as dear as reading the text; it is called only where that does not tell.
    """
    if text.unknown_share >= GARBLED_SHARE:
        return Choice(Method.OCR, Reason.GARBLED)
    if text.letters >= STAMP_CHARS:
        return Choice(Method.NATIVE, Reason.TEXT)
    return _by_drawing(text.letters, look())


def _by_drawing(letters: int, drawn: DrawnFacts) -> Choice:
    if letters >= GOOD_TEXT_CHARS and drawn.image_cover < FULL_COVER:
        return Choice(Method.NATIVE, Reason.TEXT)
    if drawn.image_cover > SCAN_COVER:
        return Choice(Method.OCR, Reason.SCAN)
    if letters:
        return Choice(Method.NATIVE, Reason.FEW_CHARACTERS)
    if drawn.paths > OUTLINE_PATHS:
        return Choice(Method.OCR, Reason.OUTLINES)
    return Choice(Method.NATIVE, Reason.BLANK)


def is_better(reason: Reason, recognised: str, native: str) -> bool:
    """Whether what was *recognised* on a page, for *reason*, is to stand for its *native* text."""
    if reason is Reason.GARBLED or not native:
        return bool(recognised) or not native
    return bool(recognised) and count_letters(recognised) >= count_letters(native)


def facts_of(text: str) -> TextFacts:
    """The facts of a page whose native text is *text*."""
    return TextFacts(letters=count_letters(text), unknown_share=unknown_share(text))


def count_letters(text: str) -> int:
    """The letters and digits in *text*."""
    return sum(map(str.isalnum, text))


def unknown_share(text: str) -> float:
    """The share of visible characters nobody can read: unmapped, private, control. 0 to 1."""
    visible = [char for char in text if not char.isspace()]
    unknown = sum(char == _REPLACEMENT or _is_private(char) for char in visible)
    return unknown / len(visible) if visible else 0.0


def _is_private(char: str) -> bool:
    return unicodedata.category(char) in ("Co", "Cc", "Cn")
