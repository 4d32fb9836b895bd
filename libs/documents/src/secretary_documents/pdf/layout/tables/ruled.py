"""Finds tables with horizontal and vertical rules, and their cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from secretary_documents.pdf.layout.model import Box, Table, Word, hull
from secretary_documents.pdf.layout.tables.grid import MOST_RULES, TOUCH, RuledGrid
from secretary_documents.pdf.layout.tables.leftover import words_in, words_outside

_OVERHANG = 12.0


def ruled_tables(
    across: Sequence[Box], upright: Sequence[Box], words: Sequence[Word]
) -> list[Table]:
    """Return the tables of a page whose cells have rules between them."""
    if not upright or not across or len(upright) + len(across) > MOST_RULES:
        return []
    tables: list[Table] = []
    rest: Sequence[Word] = words
    for group in sorted(_groups(across, upright), key=_area, reverse=True):
        if (table := _table(*group, rest)) and not any(_is_inside(table, one) for one in tables):
            tables.append(table)
            rest = words_outside(rest, [table])
    return tables


def _area(group: tuple[list[Box], list[Box]]) -> float:
    box = hull((*group[0], *group[1]))
    return box.width * box.height


def _is_inside(table: Table, larger: Table) -> bool:
    wider = larger.box.wider(2)
    return wider.holds(table.box[:2]) and wider.holds(table.box[2:])


def _groups(across: Sequence[Box], upright: Sequence[Box]) -> Iterator[tuple[list[Box], list[Box]]]:
    """Yield the rules that touch each other."""
    parent = list(range(len(across) + len(upright)))
    for a, flat in enumerate(across):
        for u, high in enumerate(upright, start=len(across)):
            if _touch(flat, high):
                parent[_root(parent, u)] = _root(parent, a)
    members: defaultdict[int, tuple[list[Box], list[Box]]] = defaultdict(lambda: ([], []))
    for index, rule in enumerate((*across, *upright)):
        members[_root(parent, index)][index >= len(across)].append(rule)
    for flat_rules, high_rules in _stacked(members.values()):
        if len(flat_rules) > 1 and high_rules:
            yield flat_rules, high_rules


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = index = parent[parent[index]]
    return index


def _touch(flat: Box, high: Box) -> bool:
    return (
        flat.left - TOUCH <= high.left <= flat.right + TOUCH
        and high.top <= flat.top + TOUCH
        and high.bottom >= flat.top - TOUCH
    )


def _stacked(
    groups: Iterable[tuple[list[Box], list[Box]]],
) -> list[tuple[list[Box], list[Box]]]:
    """Return *groups*. Groups right below each other with the same columns become one."""
    joined: list[tuple[list[Box], list[Box]]] = []
    boxes: list[Box] = []
    usable = [group for group in groups if group[0] and group[1]]
    for across, upright in sorted(usable, key=lambda group: hull((*group[0], *group[1])).top):
        box = hull((*across, *upright))
        for index, other in enumerate(boxes):
            same = abs(other.left - box.left) < TOUCH and abs(other.right - box.right) < TOUCH
            if same and -TOUCH <= box.top - other.bottom < TOUCH:
                joined[index][0].extend(across)
                joined[index][1].extend(upright)
                boxes[index] = hull((other, box))
                break
        else:
            joined.append((list(across), list(upright)))
            boxes.append(box)
    return joined


def _snap(values: Iterable[float]) -> list[float]:
    """Return *values* sorted, with values that are close to each other as one."""
    snapped: list[list[float]] = []
    for value in sorted(values):
        if snapped and value - snapped[-1][-1] <= TOUCH:
            snapped[-1].append(value)
        else:
            snapped.append([value])
    return [sum(group) / len(group) for group in snapped]


def _table(across: list[Box], upright: list[Box], words: Sequence[Word]) -> Table | None:
    xs, ys = _snap(rule.left for rule in upright), _snap(rule.top for rule in across)
    left, right = min(rule.left for rule in across), max(rule.right for rule in across)
    top, bottom = min(rule.top for rule in upright), max(rule.bottom for rule in upright)
    xs = _extended(xs, left, right)
    ys = _extended(ys, top, bottom)
    if len(xs) < 2 or len(ys) < 2 or len(xs) * len(ys) > 6000:
        return None
    box = Box(xs[0], ys[0], xs[-1], ys[-1])
    inside = words_in(words, box)
    return RuledGrid(xs, ys, across, upright).table(box, inside) if inside else None


def _extended(values: list[float], low: float, high: float) -> list[float]:
    """Return *values* with the ends of the rules that reach beyond them."""
    if values and low < values[0] - _OVERHANG:
        values = [low, *values]
    if values and high > values[-1] + _OVERHANG:
        values = [*values, high]
    return values
