"""Splits a text that is too long for one request into parts. Joined, the parts are the text."""

from __future__ import annotations

import math

# A token has about 4 bytes in English and 3 in German. A Chinese character has 3 bytes. So an
# estimate tends to be too high.
BYTES_PER_TOKEN = 3
# The best places to split, in order: between paragraphs, lines, sentences, words.
_BREAKS = ("\n\n", "\n", ". ", " ")


def estimate_tokens(text: str) -> int:
    """Return an estimate of the number of tokens of *text*. The estimate tends to be too high."""
    return math.ceil(len(text.encode(errors="replace")) / BYTES_PER_TOKEN)


def split_text(text: str, max_tokens: int) -> list[str]:
    """Split *text* into parts of at most *max_tokens* each. The joined parts are *text* again.

    A part ends at the best place in its second half.
    """
    max_bytes = max(max_tokens, 2) * BYTES_PER_TOKEN
    parts = []
    start = 0
    while start < len(text):
        end = start + _fitting(text[start : start + max_bytes], max_bytes)
        if end < len(text):
            end = _break_before(text, start, end)
        parts.append(text[start:end])
        start = end
    return parts or [text]


def _fitting(text: str, max_bytes: int) -> int:
    """Return the number of characters of *text* that fit into *max_bytes*; at least 1."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= max_bytes:
        return len(text)
    # A character that would be cut in two is left out.
    return max(len(encoded[:max_bytes].decode(errors="ignore")), 1)


def _break_before(text: str, start: int, end: int) -> int:
    middle = start + (end - start) // 2
    for mark in _BREAKS:
        found = text.rfind(mark, middle, end)
        if found >= 0:
            return min(found + len(mark), end)
    return end
