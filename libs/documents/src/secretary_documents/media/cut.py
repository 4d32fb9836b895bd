"""Decides where a recording is cut into pieces: in silence, wherever there is some."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from secretary_documents.media.silence import Silence

# Of the longest piece: so far from the even place a longer silence is looked for.
_SLACK = 0.25


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a recording, in seconds from its beginning."""

    start: float
    end: float


def decide_spans(
    duration_sec: float, silences: Sequence[Silence], *, longest_sec: float
) -> list[Span]:
    """Pieces that make up the whole, each at most *longest_sec*, of about the same length.

    A cut lies in the middle of the longest silence near its even place; where nobody pauses there,
    at that place.
    """
    spans: list[Span] = []
    start = 0.0
    while duration_sec - start > longest_sec:
        cut = _next_cut(start, duration_sec, silences, longest_sec)
        spans.append(Span(start, cut))
        start = cut
    if duration_sec > start:
        spans.append(Span(start, duration_sec))
    return spans


def _next_cut(
    start: float, duration_sec: float, silences: Sequence[Silence], longest_sec: float
) -> float:
    left = duration_sec - start
    even = start + left / math.ceil(left / longest_sec)
    slack = _SLACK * longest_sec
    first, last = even - slack, min(even + slack, start + longest_sec)
    within = [
        Silence(max(silence.start, first), min(silence.end, last))
        for silence in silences
        if silence.start < last and silence.end > first
    ]
    if not within:
        return even
    best = max(within, key=lambda one: (one.end - one.start, -abs(_middle(one) - even)))
    return _middle(best)


def _middle(silence: Silence) -> float:
    return (silence.start + silence.end) / 2
