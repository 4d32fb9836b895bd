"""Stretches of time add up."""

from __future__ import annotations

from chaos.canary import silences
from chaos.interval import Interval, overlap_sec, united, without


def test_overlaps_are_made_one_and_empty_ones_left_out() -> None:
    mixed = [Interval(5, 7), Interval(1, 3), Interval(2, 4), Interval(4, 5), Interval(9, 9)]
    assert united(mixed) == [Interval(1, 7)]


def test_holes_are_cut_out() -> None:
    holes = [Interval(0, 2), Interval(4, 5), Interval(9, 12)]
    assert without([Interval(1, 10)], holes) == [Interval(2, 4), Interval(5, 9)]


def test_what_lies_within_is_measured() -> None:
    assert overlap_sec([Interval(1, 3), Interval(5, 6), Interval(8, 20)], Interval(2, 10)) == 4


def test_the_canary_is_silent_where_its_writes_are_far_apart() -> None:
    assert silences([1.0, 1.2, 4.0, 4.1, 6.0], longest_sec=1.0) == [
        Interval(1.2, 4.0),
        Interval(4.1, 6.0),
    ]
    assert silences([]) == []
