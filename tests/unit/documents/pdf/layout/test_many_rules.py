"""Patterns of many rules, boxes and equal texts take no time that grows with their square."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secretary_documents.pdf.layout import drawing
from secretary_documents.pdf.layout.model import Box, Table, Word
from secretary_documents.pdf.layout.tables import between_rules, copies

PAGE = Box(50, 50, 550, 800)


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Callable[[], int]:
    """Count the calls of a function of *module*; return a function that returns their number."""
    calls: list[None] = []
    real = getattr(module, name)

    def count(*args: Any) -> Any:
        calls.append(None)
        return real(*args)

    monkeypatch.setattr(module, name, count)
    return lambda: len(calls)


def words(rows: int, columns: int) -> list[Word]:
    return [
        Word(Box(50 + 25 * column, 50 + 14 * row, 70 + 25 * column, 60 + 14 * row), "word")
        for row in range(rows)
        for column in range(columns)
    ]


def test_the_strips_of_a_gradient_are_not_tried_as_the_rules_of_every_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[int] = []

    def no_table(rules: object, found: list[Word]) -> Table | None:
        del rules
        tried.append(len(found))
        return None

    monkeypatch.setattr(between_rules, "_table_within", no_table)
    strips = [Box(50, 50 + 3.1 * at, 550, 50 + 3.1 * at) for at in range(240)]
    assert between_rules.tables_between_rules(strips, [], words(50, 20)) == []
    assert sum(tried) <= 200_000


def test_the_squares_of_a_pattern_are_compared_only_with_those_beside_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = counted(monkeypatch, drawing, "_share_side")
    apart = [Box(6 * x, 6 * y, 6 * x + 3, 6 * y + 3) for x in range(50) for y in range(50)]
    assert drawing._tiles(apart) == []
    cells = [Box(9 * x, 9 * y, 9 * x + 9, 9 * y + 9) for x in range(50) for y in range(50)]
    assert drawing._tiles(cells) == cells
    same = [Box(5, 5, 7, 7)] * 2000
    assert drawing._tiles(same) == same
    assert calls() < 100 * 2500


def test_tiles_are_the_boxes_that_share_a_side_in_any_order_of_the_file() -> None:
    pair = [Box(100, 100, 150, 120), Box(151, 101, 200, 121)]
    below = [Box(300, 100, 350, 120), Box(300, 122, 350, 140)]
    alone = [Box(400, 400, 450, 420), Box(150, 300, 200, 320)]
    for boxes in ([*pair, *below, *alone], [*alone, *reversed(below), *reversed(pair)]):
        assert {*drawing._tiles(boxes)} == {*pair, *below}


def test_equal_texts_at_many_places_are_compared_only_with_those_near_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = counted(monkeypatch, copies, "_is_close")
    zeros = [
        Word(Box(9 * x, 9 * y, 9 * x + 4, 9 * y + 7), "0") for x in range(50) for y in range(50)
    ]
    assert copies.without_copies([*zeros, *zeros], lambda word: word.box.height) == zeros
    assert calls() < 10 * 2500
