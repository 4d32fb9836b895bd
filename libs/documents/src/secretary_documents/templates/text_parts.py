"""Cuts a text that is too long for one request into pieces, losing nothing."""

from __future__ import annotations

import math

# English has about 4 bytes a token, German 3, Chinese 3 a character: rather too many than too few.
BYTES_PER_TOKEN = 3
# The better places first: between paragraphs, lines, sentences, words.
_BREAKS = ("\n\n", "\n", ". ", " ")


def estimate_tokens(text: str) -> int:
    """About how many tokens *text* has, rather too many than too few."""
    return math.ceil(len(text.encode(errors="replace")) / BYTES_PER_TOKEN)


def split_text(text: str, max_tokens: int) -> list[str]:
    """*text* in pieces of at most *max_tokens* each; joined they are *text* again.

    A piece ends at the best place in its second half.
    """
    max_bytes = max(max_tokens, 2) * BYTES_PER_TOKEN
    pieces = []
    start = 0
    while start < len(text):
        end = start + _fitting(text[start : start + max_bytes], max_bytes)
        if end < len(text):
            end = _break_before(text, start, end)
        pieces.append(text[start:end])
        start = end
    return pieces or [text]


def _fitting(text: str, max_bytes: int) -> int:
    """How many characters of *text* are within *max_bytes*; at least one."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= max_bytes:
        return len(text)
    # A character cut in two is left out; the mark of a replaced one has a single byte.
    return max(len(encoded[:max_bytes].decode(errors="ignore")), 1)


def _break_before(text: str, start: int, end: int) -> int:
    middle = start + (end - start) // 2
    for mark in _BREAKS:
        found = text.rfind(mark, middle, end)
        if found >= 0:
            return min(found + len(mark), end)
    return end
