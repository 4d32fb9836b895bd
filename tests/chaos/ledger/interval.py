"""Time spans: join them, subtract them, measure them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A time span, in Unix seconds."""

    begin: float
    end: float


def united(intervals: Iterable[Interval]) -> list[Interval]:
    """Return *intervals* in order, with overlapping ones joined."""
    whole: list[Interval] = []
    for one in sorted(each for each in intervals if each.begin < each.end):
        if whole and one.begin <= whole[-1].end:
            whole[-1] = Interval(whole[-1].begin, max(whole[-1].end, one.end))
        else:
            whole.append(one)
    return whole


def without(intervals: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """Return the parts of *intervals* outside *holes*."""
    left = united(intervals)
    for hole in united(holes):
        pieces = (
            (
                Interval(one.begin, min(one.end, hole.begin)),
                Interval(max(one.begin, hole.end), one.end),
            )
            for one in left
        )
        left = [piece for pair in pieces for piece in pair if piece.begin < piece.end]
    return left


def overlap_sec(intervals: Sequence[Interval], within: Interval) -> float:
    """Return how many seconds of *within* the disjoint *intervals* cover."""
    shared = (min(one.end, within.end) - max(one.begin, within.begin) for one in intervals)
    return sum(max(0.0, seconds) for seconds in shared)
