"""Decides whether the first block of a page continues the last block of the page before.

The child describes the edges of each page by itself. So the worker can join pages that different
children have read, or that come from the cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from secretary_documents.pdf.layout.kinds.heading import CAPTION
from secretary_documents.pdf.layout.model import Block, Kind, PageLayout, Table

_SENTENCE_END = re.compile("[.!?:;][\"'\u201d\u2019)\\]]*\\d{0,3}$")
_CONTINUED = re.compile(r"\b(?:continued|cont['\u2019]?d|fortsetzung|forts)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d")
_EDGES = (Kind.HEADER, Kind.FOOTER, Kind.FOOTNOTE)
_FLOATS = (Kind.FIGURE, Kind.CAPTION)
_SAME_SIZE, _SAME_SIDE = 0.12, 12.0
# A table that goes on reaches below the one share of its page, and begins above the other.
_FOOT, _HEAD = 0.7, 0.25

Place = tuple[int, int]
FindPlace = Callable[[str, Block], Place | None]
"""Returns the start and the end of a block in an output, or None."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The first or the last block of a page, as far as the next or previous page matters."""

    kind: str
    size: float = 0.0
    bold: bool = False
    starts_small: bool = False
    """Whether a paragraph begins with a small letter."""
    several_words: bool = False
    """Whether the last line of a paragraph has several words."""
    ended: bool = False
    """Whether a paragraph ends with the end of a sentence."""
    full: bool = False
    """Whether the last of several lines of a paragraph is as long as the others."""
    columns: int = 0
    sides: tuple[float, float] = (0.0, 0.0)
    """The left and the right side of a table, in points."""
    head: tuple[str, ...] = ()
    """The cells of the first row of a table."""
    named: bool = False
    """Whether the first row of a table names its columns: it has words above numbers."""
    at_edge: bool = False
    """Whether a last table reaches the foot of its page, or a first one begins at the head."""
    places: dict[str, Place] = field(default_factory=dict)
    """The start and the end of the block in each output. In JSON both are its order."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields by their names."""
        return {one.name: getattr(self, one.name) for one in _FIELDS}

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        """Return the edge that ``as_json`` has described.

        Raises:
            KeyError, TypeError or ValueError: *given* is something else.
        """
        left, right = given["sides"]
        places = {str(name): (int(at[0]), int(at[1])) for name, at in given["places"].items()}
        return cls(
            kind=str(given["kind"]),
            size=float(given["size"]),
            bold=bool(given["bold"]),
            starts_small=bool(given["starts_small"]),
            several_words=bool(given["several_words"]),
            ended=bool(given["ended"]),
            full=bool(given["full"]),
            columns=int(given["columns"]),
            sides=(float(left), float(right)),
            head=tuple(str(cell) for cell in given["head"]),
            named=bool(given["named"]),
            at_edge=bool(given["at_edge"]),
            places=places,
        )


_FIELDS = fields(Edge)


def edges_of(layout: PageLayout, outputs: Sequence[str], find: FindPlace) -> dict[str, Any]:
    """Return the edges of *layout*: ``{"first", "last", "whole"}``; nothing if they stand alone.

    ``whole`` says whether both are the same block.
    """
    body = [block for block in layout.blocks if block.kind not in _EDGES]
    first, last = _first(body), _last(body)
    edges: dict[str, Any] = {}
    for name, block in (("first", first), ("last", last)):
        if block is None:
            continue
        edge = _edge(block, name, layout.height)
        for output in outputs:
            if place := find(output, block):
                edge.places[output] = place
        if len(edge.places) == len(outputs):
            edges[name] = edge.as_json()
    return {**edges, "whole": first is last} if edges else {}


def checked_edges(found: dict[str, Any]) -> dict[str, Any]:
    """Return the edges that a child has sent, with known types.

    Raises:
        KeyError, TypeError or ValueError: they are not what ``edges_of`` returns.
    """
    edges: dict[str, Any] = {
        name: Edge.from_json(found[name]).as_json() for name in ("first", "last") if name in found
    }
    return {**edges, "whole": bool(found["whole"])} if edges else {}


def _first(body: Sequence[Block]) -> Block | None:
    for block in body:
        if block.kind in (Kind.PARAGRAPH, Kind.TABLE):
            return block
        if block.kind not in _FLOATS:
            return None
        is_continued = block.lines and _CONTINUED.search(block.lines[0].text)
        if block.kind is Kind.CAPTION and not is_continued and _heads_table(block, body):
            return None
    return None


def _heads_table(caption: Block, body: Sequence[Block]) -> bool:
    after = body[body.index(caption) + 1 :]
    return bool(after) and after[0].kind is Kind.TABLE


def _last(body: Sequence[Block]) -> Block | None:
    for block in reversed(body):
        if block.kind in (Kind.PARAGRAPH, Kind.TABLE):
            return block
        if block.kind not in _FLOATS:
            return None
    return None


def _edge(block: Block, name: str, height: float) -> Edge:
    if block.table:
        box = block.table.box
        at_edge = box.top < _HEAD * height if name == "first" else box.bottom > _FOOT * height
        return _table_edge(block.table, at_edge=at_edge)
    first, last = block.lines[0], block.lines[-1]
    return Edge(
        block.kind.value,
        size=last.size,
        bold=last.bold,
        starts_small=first.text[:1].islower(),
        several_words=len(last.text.split()) > 1,
        ended=bool(_SENTENCE_END.search(last.text)),
        full=len(block.lines) > 1 and last.box.right >= block.box.right - 2 * last.size,
    )


def _table_edge(table: Table, *, at_edge: bool) -> Edge:
    box = table.box
    return Edge(
        Kind.TABLE.value,
        columns=table.columns,
        sides=(box.left, box.right),
        head=tuple(table.grid()[0]),
        named=_names_columns(table.grid()),
        at_edge=at_edge,
    )


def _names_columns(grid: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row has only words, and a column has numbers in all other rows."""
    head, *body = grid
    if not all(head) or any(map(_NUMBER.search, head)):
        return False
    columns = zip(*body, strict=True)
    return any(all(map(_NUMBER.search, column)) for column in columns)


def is_continued_caption(text: str) -> bool:
    """Return whether *text* is the caption of a table that goes on: "Table 3 (continued)"."""
    return bool(CAPTION.match(text) and _CONTINUED.search(text))


def continues(last: Edge, first: Edge) -> bool:
    """Return whether the block *first* of a page continues *last* of the page before."""
    if last.kind != first.kind:
        return False
    if last.kind == Kind.TABLE:
        return _continues_table(last, first)
    if last.bold != first.bold or abs(last.size - first.size) > _SAME_SIZE * last.size:
        return False
    # A line with one word, such as a label, says too little about what follows.
    return not last.ended and (last.full or (first.starts_small and last.several_words))


def _continues_table(last: Edge, first: Edge) -> bool:
    if last.columns != first.columns:
        return False
    if last.head == first.head and any(last.head):
        return True
    if last.named and first.named:
        return False  # two tables with heads of their own
    apart = max(abs(one - other) for one, other in zip(last.sides, first.sides, strict=True))
    return last.at_edge and first.at_edge and apart <= _SAME_SIDE
