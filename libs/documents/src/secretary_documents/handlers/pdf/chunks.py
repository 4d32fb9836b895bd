"""Cuts the blocks of all pages into chunks for retrieval: by headings, then by size. No I/O.

Tokens are estimated (``templates.text_parts``), because the tokeniser of a model would have to be
downloaded. The estimate tends to be too high, so a chunk rarely has more tokens than it may have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from secretary_documents.pdf.layout.model import Box, Cell, Table
from secretary_documents.pdf.writers.markdown import table_to_markdown
from secretary_documents.pdf.writers.markup import join_lines
from secretary_documents.templates.text_parts import estimate_tokens, split_text

MOST_CHUNKS = 50_000
"""The most chunks of a job."""
Block = dict[str, Any]
"""A block of ``writers.json``."""

_LEFT_OUT = ("header", "footer")
_BETWEEN = ("figure", "caption", "footnote")
"""The kinds of blocks that may stand between the parts of a paragraph."""
_DEEPEST = 6


@dataclass(slots=True)
class _Piece:
    """A text that belongs into one chunk, with the block that it comes from."""

    text: str
    block: Block


@dataclass(slots=True)
class _Section:
    """The blocks under one heading."""

    headings: tuple[str, ...]
    blocks: list[Block] = field(default_factory=list)


def chunks_of(blocks: Iterable[Block], max_tokens: int) -> Iterator[dict[str, Any]]:
    """Yield the chunks of *blocks*, which are in reading order, with at most *max_tokens* each.

    A chunk has blocks under one heading. A table, a paragraph or an item is cut only if it has more
    tokens than a chunk; a cut table repeats its header rows.
    """
    index = 0
    for section in _sections(_whole(blocks)):
        for pieces in _packed(_pieces(section.blocks, max_tokens), max_tokens):
            yield _chunk(index, section.headings, pieces)
            index += 1


def _whole(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield *blocks*. A paragraph over several pages is one block with several places."""
    # The last paragraph, and the figures and footnotes after it, which do not end it.
    held: list[Block] = []
    for block in blocks:
        if held and held[0]["kind"] == "paragraph" and block.get("continues"):
            held[0] = _continued(held[0], block)
            continue
        # What repeats at the edges of pages may stand between the parts of a paragraph.
        if block["kind"] in _LEFT_OUT or block.get("repeated"):
            continue
        if block["kind"] not in _BETWEEN:
            yield from held
            held.clear()
        held.append(block)
    yield from held


def _continued(block: Block, rest: Block) -> Block:
    """Return *block* with the text and the place of its *rest* on a later page."""
    place = _place(rest)
    text = join_lines([block["text"], rest["text"]])
    return {**block, "text": text, "continued_at": [*block.get("continued_at", ()), place]}


def _place(block: Block) -> dict[str, Any]:
    """Return the page and the box of *block*; blocks of office files have no box."""
    return {name: block[name] for name in ("page", "box") if name in block}


def _sections(blocks: Iterable[Block]) -> Iterator[_Section]:
    """Yield the sections with their headings. A heading without text is joined with the next."""
    path: list[tuple[int, str]] = []
    section = _Section(())
    for block in blocks:
        if block["kind"] == "heading":
            level = min(int(block.get("level") or 1), _DEEPEST)
            if any(one["kind"] != "heading" for one in section.blocks):
                yield section
                section = _Section(())
            path = [one for one in path if one[0] < level] + [(level, block["text"])]
            section.headings = tuple(text for _, text in path)
        section.blocks.append(block)
    if section.blocks:
        yield section


def _pieces(blocks: Sequence[Block], max_tokens: int) -> Iterator[_Piece]:
    for block in blocks:
        text = _text_of(block)
        if estimate_tokens(text) <= max_tokens:
            parts: Iterable[str] = [text]
        elif block.get("table"):
            parts = _table_parts(_table_of(block), max_tokens)
        else:
            parts = _cut(text, max_tokens)
        yield from (_Piece(part, block) for part in parts if part.strip())


def _text_of(block: Block) -> str:
    if block.get("table"):
        return table_to_markdown(_table_of(block))
    text = str(block["text"])
    if block["kind"] == "heading":
        return f"{'#' * min(int(block.get('level') or 1), _DEEPEST)} {text}"
    if block["kind"] == "list_item":
        return f"{block.get('marker') or '-'} {text}"
    return text


def _table_of(block: Block) -> Table:
    table = block["table"]
    cells = tuple(
        Cell(one["row"], one["column"], one["text"], one["row_span"], one["column_span"])
        for one in table["cells"]
    )
    return Table(Box(0, 0, 0, 0), table["rows"], table["columns"], cells, table["head_rows"])


def _table_parts(table: Table, max_tokens: int) -> Iterator[str]:
    """Yield *table* in parts of whole rows, each with the header rows if there is room."""
    lines = table_to_markdown(table).split("\n")
    head_rows = max(table.head_rows, 1)
    # The second line is the rule below the header.
    head, body = lines[: head_rows + 1], lines[head_rows + 1 :]
    repeated = head if 2 * estimate_tokens("\n".join(head)) <= max_tokens else []
    part = list(head)
    for line in body:
        if part and estimate_tokens("\n".join([*part, line])) > max_tokens:
            if part != repeated:
                yield from _cut("\n".join(part), max_tokens)
            part = list(repeated)
        part.append(line)
    yield from _cut("\n".join(part), max_tokens)


def _cut(text: str, max_tokens: int) -> Iterator[str]:
    return (part.strip() for part in split_text(text, max_tokens))


def _packed(pieces: Iterable[_Piece], max_tokens: int) -> Iterator[list[_Piece]]:
    """Yield *pieces* in groups, each with at most *max_tokens*."""
    group: list[_Piece] = []
    filled = 0
    for piece in pieces:
        size = estimate_tokens(f"\n\n{piece.text}")
        if group and filled + size > max_tokens:
            # A heading alone would be a useless chunk, and the next chunk has it in its headings.
            if any(one.block["kind"] != "heading" for one in group):
                yield group
            group, filled = [], 0
        group.append(piece)
        filled += size
    if group:
        yield group


def _chunk(index: int, headings: Sequence[str], pieces: Sequence[_Piece]) -> dict[str, Any]:
    text = "\n\n".join(piece.text for piece in pieces)
    places: list[dict[str, Any]] = []
    for piece in pieces:
        first = _place(piece.block)
        found = [first, *piece.block.get("continued_at", ())]
        places += [place for place in found if place not in places[-len(found) :]]
    return {
        "index": index,
        "text": text,
        "tokens": estimate_tokens(text),
        "headings": list(headings),
        "pages": sorted({place["page"] for place in places}),
        "places": places,
    }
