"""Finds the order in which a line is read from the order in which it is drawn. No I/O.

This reverses the Unicode bidirectional algorithm (UAX #9). Several texts can be drawn in the same
way, so where two are possible, the usual one is chosen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_KINDS = {"L": "L", "R": "R", "AL": "R", "EN": "N", "AN": "N"}
# Signs inside a number, and at its ends. Numbers of Arabic lines have fewer.
_NUMBER = re.compile(r"T{0,2}N+(?:[CS]N+)*T{0,2}")
_ARABIC_NUMBER = re.compile(r"N+(?:CN+)*")
_TO_LEFT, _BETWEEN = re.compile(r"R(?:[^L]*R)?"), re.compile(r"[^R]+")
_SIGNS = {"CS": "C", "ES": "S", "ET": "T"}
_PAIRS = {"(": ")", "[": "]", "{": "}", "\u00ab": "\u00bb"}
_MIRRORED = _PAIRS | {close: start for start, close in _PAIRS.items()}
# A number with its sign as a list has it, drawn from the right: " .1".
_DRAWN_MARKER = re.compile(r"\s[.)]N+$")


def directions(text: str) -> tuple[int, int]:
    """Return how many letters of *text* run to the left, and how many to the right."""
    kinds = [unicodedata.bidirectional(char) for char in text]
    return sum(kind in ("R", "AL") for kind in kinds), kinds.count("L")


def is_base_to_left(drawn: str, *, page_to_left: bool) -> bool:
    """Return whether the line *drawn*, from its left, is read from the right as a whole.

    *page_to_left*: whether most letters of the page run to the left. It decides in doubt.
    """
    to_left, to_right = directions(drawn)
    ends = [kind for kind in map(_kind, drawn) if kind in "LR"]
    if ends and ends[0] == ends[-1] == "R" and to_left >= to_right:
        return True
    if ends and ends[0] == ends[-1] == "L" and to_right >= to_left:
        return False
    return page_to_left


def reading_order(drawn: Sequence[str], *, to_left: bool) -> list[int]:
    """Return the indexes of the characters *drawn* from the left, in the order of reading.

    *drawn*: each character with its marks. *to_left*: whether the line as a whole runs to the left.
    """
    kinds = "".join(_kind(char) for char in drawn)
    if to_left:
        return _from_right(drawn, kinds, 0, len(drawn))
    order: list[int] = []
    at = 0
    for match in _TO_LEFT.finditer(kinds):
        order += range(at, match.start())
        order += _from_right(drawn, kinds, *match.span())
        at = match.end()
    return [*order, *range(at, len(drawn))]


def mirrored(chars: Sequence[str]) -> list[str]:
    """Return *chars* in the order of reading, with brackets that open before they close."""
    found = list(chars)
    for start, close in _PAIRS.items():
        places = [at for at, char in enumerate(found) if char in (start, close)]
        given = [found[at] for at in places]
        turned = [_MIRRORED[char] for char in given]
        if not _is_balanced(given, start) and _is_balanced(turned, start):
            for at, char in zip(places, turned, strict=True):
                found[at] = char
        elif not _is_balanced(given, start) and len(places) % 2 == 0:
            for number, at in enumerate(places):
                found[at] = close if number % 2 else start
    return found


def _is_balanced(brackets: Sequence[str], start: str) -> bool:
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket == start else -1
        if depth < 0:
            return False
    return depth == 0


def _kind(char: str) -> str:
    """Return L, R or N for letters and numbers; C, S or T for signs of numbers; or else O."""
    found = unicodedata.bidirectional(char[0]) if char else ""
    return _KINDS.get(found) or _SIGNS.get(found) or ("_" if char.isspace() else "O")


def _from_right(drawn: Sequence[str], kinds: str, start: int, end: int) -> list[int]:
    """Return the indexes from *start* to before *end*, from the right, but not inside runs."""
    order: list[int] = []
    at = end
    for first, last in reversed(_runs_to_right(drawn, kinds, start, end)):
        order += range(at - 1, last - 1, -1)
        order += range(first, last)
        at = first
    return [*order, *range(at - 1, start - 1, -1)]


def _runs_to_right(drawn: Sequence[str], kinds: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the ranges that are read from the left: words with their numbers, and numbers."""
    runs: list[tuple[int, int]] = []
    is_arabic = any(char and unicodedata.bidirectional(char[0]) == "AL" for char in drawn)
    for match in _BETWEEN.finditer(kinds[start:end]):
        first, last = start + match.start(), start + match.end()
        if "L" in match[0]:
            runs += _words(drawn, kinds, first, last)
        else:
            numbers = _ARABIC_NUMBER if is_arabic else _NUMBER
            found = numbers.finditer(kinds[first:last])
            runs += [(first + one.start(), first + one.end()) for one in found]
    return runs


def _words(drawn: Sequence[str], kinds: str, first: int, last: int) -> list[tuple[int, int]]:
    """Return the range of the words between two parts that run to the left."""
    inside = [at for at in range(first, last) if kinds[at] in "LN"]
    low, high = inside[0], inside[-1] + 1
    shape = "".join(
        kinds[at] if kinds[at] in "LN" else " " if kinds[at] == "_" else drawn[at][:1]
        for at in range(low, high)
    )
    marker = _DRAWN_MARKER.search(shape)
    runs: list[tuple[int, int]] = []
    if marker:
        digits = low + marker.start() + 2
        runs = [(digits, high)]
        high = low + marker.start()
    while high < last and _opens_inside(drawn[low : high + 1]):
        high += 1
    while low > first and _opens_inside(
        [_MIRRORED.get(char, char) for char in reversed(drawn[low - 1 : high])]
    ):
        low -= 1
    return [(low, high), *runs]


def _opens_inside(chars: Sequence[str]) -> bool:
    """Return whether the last of *chars* is a bracket that closes one of them."""
    start = next((start for start, close in _PAIRS.items() if chars[-1] == close), None)
    if start is None:
        return False
    return chars.count(start) >= chars.count(chars[-1])
