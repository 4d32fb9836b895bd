"""Makes the layout of a page. Runs in the child only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from secretary_documents.pdf.layout.drawing import (
    Drawing,
    drawing_on,
    edges_across,
    edges_upright,
)
from secretary_documents.pdf.layout.figure import Figure, drawn_figures
from secretary_documents.pdf.layout.kinds.bullet import with_drawn_bullets
from secretary_documents.pdf.layout.kinds.code import code_block, split_code
from secretary_documents.pdf.layout.kinds.footnote import footnotes_last, mark_footnotes
from secretary_documents.pdf.layout.kinds.formula import mark_formulas
from secretary_documents.pdf.layout.kinds.heading import mark_headings
from secretary_documents.pdf.layout.kinds.line_number import line_numbers
from secretary_documents.pdf.layout.kinds.running_head import edge_kinds
from secretary_documents.pdf.layout.model import (
    Block,
    Box,
    Kind,
    Line,
    PageLayout,
    Picture,
    Table,
    Word,
)
from secretary_documents.pdf.layout.order import reading_order
from secretary_documents.pdf.layout.paragraph import (
    ROW_SPACE,
    join_continued,
    paragraphs_of,
    rows_in_order,
    rows_of,
    with_drop_caps,
)
from secretary_documents.pdf.layout.script import runs_to_left
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.layout.style import DocumentStyle, running_key, running_on
from secretary_documents.pdf.layout.tables.aligned import split_tables
from secretary_documents.pdf.layout.tables.between_rules import tables_between_rules
from secretary_documents.pdf.layout.tables.copies import without_copies
from secretary_documents.pdf.layout.tables.leftover import lines_outside, words_outside
from secretary_documents.pdf.layout.tables.pieced import pieced_tables
from secretary_documents.pdf.layout.tables.ruled import ruled_tables
from secretary_documents.pdf.layout.tables.striped import plain_cells
from secretary_documents.pdf.layout.turn import Turn, turned_texts, words_inside
from secretary_documents.pdf.mupdf.page import area_of


@dataclass(frozen=True, slots=True)
class _Part:
    """A line, or a table or picture, for the reading order."""

    box: Box
    index: float
    line: Line | None = None
    whole: Table | Picture | Figure | None = None


def layout_of(
    source: PageSource, style: DocumentStyle, pictures: Sequence[Picture] = ()
) -> PageLayout:
    """Return the blocks of a page in reading order, with *pictures* where they stand."""
    page, lines = source.page, without_copies(source.lines, lambda line: line.size)
    width, height = page.rect.width, page.rect.height
    layout = PageLayout(page.number + 1, width, height, rotation=page.rotation % 360)
    if not lines:
        layout.blocks = [picture.block() for picture in pictures]
        return layout
    drawing = drawing_on(page)
    area = Box(*area_of(page))
    figures = drawn_figures(drawing.curves, lines, area)
    labels = {id(line) for figure in figures for line in figure.lines}
    lines = [line for line in lines if id(line) not in labels]
    lines = with_drawn_bullets(lines, drawing.dots)
    words = _outside(figures, source.words)
    turned_blocks: list[Block] = []
    for turn, group in turned_texts(lines, area.width, area.height):
        inside = words_inside(words, group)
        turned_blocks += _turned_blocks(turn, group, inside, drawing, style)
        chosen = {id(one) for one in (*group, *inside)}
        lines = [line for line in lines if id(line) not in chosen]
        words = [word for word in words if id(word) not in chosen]
    tables = _tables(drawing, words)
    lines = lines_outside(lines, tables, words)
    turned = [line for line in lines if line.turned]
    lines = with_drop_caps([line for line in lines if not line.turned], style.body)
    places = [(line.box, line.text) for line in lines]
    style = replace(style, running=running_on(places, style.running, area.height))
    edges = edge_kinds(lines, style, area.height)
    head = [line for line in lines if edges.get(id(line)) is Kind.HEADER]
    foot = [line for line in lines if edges.get(id(line)) is Kind.FOOTER]
    body = [line for line in lines if id(line) not in edges]
    numbers = line_numbers(body)
    body = [line for line in body if line not in numbers] if numbers else body
    blocks = _body_blocks(body, [*tables, *pictures, *figures], words, style)
    mark_formulas(blocks)
    mark_headings(blocks, style)
    mark_footnotes(blocks, style)
    layout.blocks = [
        *turned_blocks,
        *(Block(Kind.PARAGRAPH, line.box, [line]) for line in turned),
        *_edge_blocks(head, Kind.HEADER, style),
        *(Block(Kind.HEADER, line.box, [line], repeated=True) for line in numbers),
        *footnotes_last(blocks),
        *_edge_blocks(foot, Kind.FOOTER, style),
    ]
    return layout


def _turned_blocks(
    turn: Turn,
    group: Sequence[Line],
    inside: Sequence[Word],
    drawing: Drawing,
    style: DocumentStyle,
) -> list[Block]:
    """Return the blocks of the text in the lines *group*, which run up or down the page."""
    words, lines = turn.words(inside), turn.lines(group)
    tables = _tables(turn.drawing(drawing, group), words)
    lines = lines_outside(lines, tables, words)
    blocks = _body_blocks(lines, tables, words, style)
    mark_headings(blocks, style)
    return [turn.block_back(block) for block in blocks]


def _tables(drawing: Drawing, words: Sequence[Word]) -> list[Table]:
    if not (drawing.across or drawing.upright or drawing.boxes):
        return []
    words = without_copies(words, lambda word: word.box.height)
    tables = ruled_tables(drawing.across, drawing.upright, words)
    if drawing.shaded:
        cells = [*drawing.shaded, *plain_cells(drawing.shaded, words)]
        across = [*drawing.across, *(edge for cell in cells for edge in edges_across(cell))]
        upright = [*drawing.upright, *(edge for cell in cells for edge in edges_upright(cell))]
        rest = words_outside(words, tables)
        tables += ruled_tables(
            [rule for rule in across if not _holds_any(tables, rule)],
            [rule for rule in upright if not _holds_any(tables, rule)],
            rest,
        )
    rest = words_outside(words, tables)
    across = [rule for rule in drawing.across if not _holds_any(tables, rule)]
    if pieced := pieced_tables(across, rest):
        tables += pieced
        rest = words_outside(rest, pieced)
        across = [rule for rule in across if not _holds_any(pieced, rule)]
    return [*tables, *tables_between_rules(across, drawing.boxes, rest)]


def _outside(figures: Sequence[Figure], words: Sequence[Word]) -> Sequence[Word]:
    labels = [line.box.wider(1) for figure in figures for line in figure.lines]
    if not labels:
        return words
    return [word for word in words if not any(box.holds(word.box.middle) for box in labels)]


def _holds_any(tables: Iterable[Table], box: Box) -> bool:
    return any(table.box.wider(1).holds(box.middle) for table in tables)


def _edge_blocks(lines: Sequence[Line], kind: Kind, style: DocumentStyle) -> list[Block]:
    return [
        Block(kind, line.box, [line], repeated=running_key(line.text) in style.running)
        for line in rows_of(lines)
    ]


def _body_blocks(
    lines: Sequence[Line],
    wholes: Sequence[Table | Picture | Figure],
    words: Sequence[Word],
    style: DocumentStyle,
) -> list[Block]:
    parts = [_Part(line.box, line.index, line) for line in rows_in_order(lines, ROW_SPACE)]
    parts += [_Part(whole.box, _index_of(whole.box, lines), whole=whole) for whole in wholes]
    if not parts:
        return []
    if runs_to_left(lines):  # the column at the right is the first one
        parts = [replace(part, box=_mirrored(part.box)) for part in parts]
    heights = [part.box.height for part in parts if part.line]
    runs = reading_order(parts, median(heights) if heights else style.body)
    return join_continued([block for run in runs for block in _blocks_of(run, words, style)])


def _mirrored(box: Box) -> Box:
    return Box(-box.right, box.top, -box.left, box.bottom)


def _index_of(box: Box, lines: Sequence[Line]) -> float:
    """Return the place in the order of the file for something at *box*: after the line above it."""
    above = [line for line in lines if line.box.middle[1] < box.top]
    return max(above, key=lambda line: line.box.bottom).index + 0.5 if above else -1.0


def _blocks_of(run: Sequence[_Part], words: Sequence[Word], style: DocumentStyle) -> list[Block]:
    blocks: list[Block] = []
    lines: list[Line] = []

    def end_lines() -> None:
        blocks.extend(_text_blocks(lines, words, style))
        lines.clear()

    for part in run:
        if part.line:
            lines.append(part.line)
        elif part.whole:
            end_lines()
            blocks.append(_whole_block(part.whole))
    end_lines()
    return blocks


def _text_blocks(
    lines: Sequence[Line], words: Sequence[Word], style: DocumentStyle
) -> Iterator[Block]:
    """Yield the blocks of the *lines* of one column: code, tables without rules, paragraphs."""
    for is_code, part in split_code(lines, style.mono_share):
        if is_code:
            yield code_block(part)
            continue
        for piece in split_tables(part, words):
            if isinstance(piece, Table):
                yield _whole_block(piece)
            else:
                yield from paragraphs_of(piece, style.pitch)


def _whole_block(whole: Table | Picture | Figure) -> Block:
    if isinstance(whole, Table):
        return Block(Kind.TABLE, whole.box, table=whole)
    return whole.block()
