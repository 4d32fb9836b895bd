"""Decides whether to use the native text of a page or OCR. No I/O."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

# These limits were tried on 1,343 pages of public test corpora. A page with enough letters has real
# text. An image that covers most of a page is a scan. A page whose letters are drawn as outlines
# has about two hundred paths or more.
GOOD_TEXT_CHARS = 20
GARBLED_SHARE = 0.10
SCAN_COVER = 0.30
# A scan that fills its page may have the text of a stamp, of a header, or of a download's address.
# A scan that was recognised before has the text of a whole page.
STAMP_CHARS = 200
FULL_COVER = 0.80
OUTLINE_PATHS = 200

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Method(StrEnum):
    """The method by which the text of a page was read."""

    NATIVE = "native"
    OCR = "ocr"


class Reason(StrEnum):
    """The reason why a method was chosen for a page, or why the page has no text."""

    TEXT = "text"
    """The file has good text for the page."""
    FEW_CHARACTERS = "few_characters"
    """The page has little text, and nothing on the page looks like more text."""
    BLANK = "blank"
    SCAN = "scan"
    """Images cover a large part of the page."""
    OUTLINES = "outlines"
    """The letters are drawn as paths."""
    PICTURES = "pictures"
    """The file has good text for the page, and pictures on the page were recognised."""
    GARBLED = "garbled"
    """The file does not say which characters its text has."""
    NOTHING_RECOGNISED = "nothing_recognised"
    """OCR found no text or less than the native text, so the page keeps its native text."""
    UNREADABLE = "unreadable"
    """The parser cannot read the page. Other pages are not affected."""
    LANGUAGE_MISSING = "language_missing"
    """The page is in a script of which no OCR language is installed or named."""
    TOO_LARGE = "too_large"
    """An image of the page within the limit of pixels would not be legible."""


@dataclass(frozen=True, slots=True)
class TextStats:
    """Measures of the native text of a page."""

    letters: int
    """Letters and digits."""
    unknown_share: float
    """The share of visible characters without a known meaning: 0 to 1."""


@dataclass(frozen=True, slots=True)
class DrawingStats:
    """Measures of the drawing on a page."""

    image_cover: float
    """The share of the page that images cover: 0 to 1."""
    paths: int
    """The number of paths that are drawn."""


@dataclass(frozen=True, slots=True)
class MethodChoice:
    """The method for a page, and the reason."""

    method: Method
    reason: Reason


def choose_method(text: TextStats, measure_drawing: Callable[[], DrawingStats]) -> MethodChoice:
    """Return the better method for a page.

    *measure_drawing* takes as much time as reading the text. So it is called only if the text alone
    does not decide.
    """
    if text.unknown_share >= GARBLED_SHARE:
        return MethodChoice(Method.OCR, Reason.GARBLED)
    if text.letters >= STAMP_CHARS:
        return MethodChoice(Method.NATIVE, Reason.TEXT)
    return _choose_by_drawing(text.letters, measure_drawing())


def _choose_by_drawing(letters: int, drawing: DrawingStats) -> MethodChoice:
    if letters >= GOOD_TEXT_CHARS and drawing.image_cover < FULL_COVER:
        return MethodChoice(Method.NATIVE, Reason.TEXT)
    if drawing.image_cover > SCAN_COVER:
        return MethodChoice(Method.OCR, Reason.SCAN)
    if drawing.paths > OUTLINE_PATHS:
        return MethodChoice(Method.OCR, Reason.OUTLINES)
    if letters:
        return MethodChoice(Method.NATIVE, Reason.FEW_CHARACTERS)
    return MethodChoice(Method.NATIVE, Reason.BLANK)


def is_better(reason: Reason, recognised: str, native: str) -> bool:
    """Return whether the *recognised* text of a page should replace its *native* text.

    Args:
        reason: the reason why the page was recognised.
        recognised: the text that OCR found.
        native: the text in the file.
    """
    if reason is Reason.GARBLED or not native:
        return bool(recognised) or not native
    return bool(recognised) and count_letters(recognised) >= count_letters(native)


def text_stats(text: str) -> TextStats:
    """Return the measures of a page whose native text is *text*."""
    return TextStats(letters=count_letters(text), unknown_share=unknown_share(text))


def count_letters(text: str) -> int:
    """Return the number of letters and digits in *text*."""
    return sum(map(str.isalnum, text))


def unknown_share(text: str) -> float:
    """Return the share of visible characters without a known meaning: 0 to 1.

    These are unmapped characters, private characters and control characters.
    """
    visible = [char for char in text if not char.isspace()]
    unknown = sum(char == _REPLACEMENT or _is_private(char) for char in visible)
    return unknown / len(visible) if visible else 0.0


def _is_private(char: str) -> bool:
    return unicodedata.category(char) in ("Co", "Cc", "Cn")
