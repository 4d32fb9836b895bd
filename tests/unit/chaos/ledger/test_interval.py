"""Time spans are joined, subtracted and measured."""

from __future__ import annotations

from chaos.cluster_probe import outages
from chaos.ledger.interval import Interval, overlap_sec, united, without


def test_overlapping_intervals_are_joined_and_empty_ones_left_out() -> None:
    mixed = [Interval(5, 7), Interval(1, 3), Interval(2, 4), Interval(4, 5), Interval(9, 9)]
    assert united(mixed) == [Interval(1, 7)]


def test_holes_are_cut_out() -> None:
    holes = [Interval(0, 2), Interval(4, 5), Interval(9, 12)]
    assert without([Interval(1, 10)], holes) == [Interval(2, 4), Interval(5, 9)]


def test_the_overlap_is_measured() -> None:
    assert overlap_sec([Interval(1, 3), Interval(5, 6), Interval(8, 20)], Interval(2, 10)) == 4


def test_a_long_time_between_two_writes_is_an_outage() -> None:
    acknowledged = [1.0, 1.2, 4.0, 4.1, 6.0]
    assert outages(acknowledged, [], max_gap_sec=1.0) == [Interval(1.2, 4.0), Interval(4.1, 6.0)]
    assert outages([], [], max_gap_sec=1.0) == []


def test_the_time_around_a_failed_write_is_an_outage() -> None:
    assert outages([1.0, 1.2, 1.8, 2.0], [1.5], max_gap_sec=1.0) == [Interval(1.2, 1.8)]
