"""Compares tables by the neighbours of their cells, as the table competition of ICDAR 2013 does.

A relation is a pair of cells that follow each other in a row or a column. A found relation is right
if the truth has a relation of the same direction between cells with the same text.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from quality.markup import grid_of, html_tables, table_tree, with_html_tables

Grid = Mapping[tuple[int, int], tuple[int, str]]
Relations = Counter[tuple[str, str, str]]
_LEFT_OUT = re.compile(r"[\s\\]+|<[^>]*>")
_DASHES = re.compile("[\u2010-\u2015\u2212]")


@dataclass(frozen=True, slots=True)
class Found:
    """The relations of one document."""

    right: int
    found: int
    wanted: int


def compare_cells(truth: Path, markdown: str) -> Found:
    """Return how many relations the tables of *markdown* share with the file *truth*."""
    wanted = sum((relations(grid) for grid in true_grids(truth)), Relations())
    tables = html_tables(with_html_tables(markdown))
    trees = [tree for one in tables for tree in table_tree([one]).children]
    got = sum((relations(grid_of(tree)) for tree in trees), Relations())
    return Found((wanted & got).total(), got.total(), wanted.total())


def true_grids(path: Path) -> list[Grid]:
    """Return the tables of a file of the competition with cells (``-str.xml``)."""
    grids: list[Grid] = []
    for region in ET.parse(path).getroot().iter("region"):  # noqa: S314 - the benchmark file that the person at the bench names
        grid: dict[tuple[int, int], tuple[int, str]] = {}
        for number, cell in enumerate(region.iter("cell")):
            row, column = int(cell.attrib["start-row"]), int(cell.attrib["start-col"])
            last_row = int(cell.attrib.get("end-row", row))
            last_column = int(cell.attrib.get("end-col", column))
            text = cell.findtext("content") or ""
            for down in range(row, last_row + 1):
                for right in range(column, last_column + 1):
                    grid[down, right] = (number, text)
        grids.append(grid)
    return grids


def relations(grid: Grid) -> Relations:
    """Return the relations of *grid*. Empty cells between two cells are skipped."""
    filled = {place: (number, _normal(text)) for place, (number, text) in grid.items()}
    filled = {place: cell for place, cell in filled.items() if cell[1]}
    pairs = set()
    for direction, key in (("right", lambda at: at), ("down", lambda at: (at[1], at[0]))):
        last: tuple[int, tuple[int, str]] | None = None
        for place in sorted(filled, key=key):
            line, cell = key(place)[0], filled[place]
            if last and last[0] == line and last[1][0] != cell[0]:
                pairs.add((last[1], cell, direction))
            last = (line, cell)
    return Relations((one[1], other[1], direction) for one, other, direction in pairs)


def _normal(text: str) -> str:
    return _DASHES.sub("-", _LEFT_OUT.sub("", text)).lower()
