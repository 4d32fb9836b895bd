"""Joins the lines of a column into paragraphs and items of lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from secretary_documents.pdf.layout.model import Block, Box, Kind, Line, Span, hull
from secretary_documents.pdf.layout.script import runs_to_left

# Bullets as PDFs have them: typographic ones, and private characters of Symbol and Wingdings.
BULLET = re.compile(
    r"[•◦▪▫‣●○■□▶►➔➜·∙➢➤✓✔❖⚫\uf0b7\uf0a7\uf0d8\uf076\uf0fc\uf06e\uf0a8\uf09f]\s*"
    r"|[-\u2013\u2014*]\s+"
    # A first character without a meaning in the file is a bullet of a font for symbols.
    r"|\ufffd\s+[☐□☑☒]?\s*(?=[^\W\d_]{2}[^\ufffd]*$)"
)
NUMBER = re.compile(r"(\d{1,3}\.|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,5})[.)])\s+(?=\S)")
_SENTENCE_END = re.compile("[.!?:;][\"'\u201d\u2019)\\]]*\\d{0,3}$")
# The widest space between parts of one line, in font sizes: anywhere on a page, inside a column,
# and after a bullet or a number.
ROW_SPACE, _COLUMN_SPACE, _MARKER_SPACE = 0.6, 60.0, 6.0
_SAME_SIZE = 0.12
# The space between the lines of a paragraph is at most this share of the usual pitch.
_PITCH_FACTOR = 1.28
_INDENT = (0.8, 5.0)
"""The least and the largest indent of a first line, in font sizes."""
_SHORT_LINE = 0.82
_RECENT = 12
"""The lines of a paragraph from which its pitch is measured."""
_DROP_CAP = 1.8


def rows_of(lines: Sequence[Line], space: float = ROW_SPACE) -> list[Line]:
    """Return *lines* from the top, with those on one baseline joined.

    *space*: the widest space between them, in font sizes.
    """
    joined: list[Line] = []
    for row in baselines_of(lines):
        start = len(joined)
        for line in row:
            if len(joined) > start and _continues_row(joined[-1], line, space):
                joined[-1] = join(joined[-1], line)
            else:
                joined.append(line)
    return joined


def with_drop_caps(lines: Sequence[Line], body: float) -> list[Line]:
    """Return *lines*. A large first letter becomes a part of the line at its right."""
    caps = [line for line in lines if _is_drop_cap(line, body)]
    joined = list(lines)
    for cap in caps:
        beside = [line for line in joined if line is not cap and _is_beside(cap, line)]
        if len(beside) > 1:
            first = min(beside, key=lambda line: line.box.top)
            joined.remove(cap)
            start = replace(first.spans[0], text=cap.text + first.spans[0].text.lstrip())
            joined[joined.index(first)] = replace(first, spans=(start, *first.spans[1:]))
    return joined


def _is_drop_cap(line: Line, body: float) -> bool:
    return len(line.text) == 1 and line.text.isalpha() and line.size >= _DROP_CAP * body


def _is_beside(cap: Line, line: Line) -> bool:
    space = line.box.left - cap.box.right
    return -2 <= space < cap.size and cap.box.top - 3 < line.box.middle[1] < cap.box.bottom


def rows_in_order(lines: Sequence[Line], space: float) -> list[Line]:
    """Return *lines* in their order, with those that follow each other on one baseline joined."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if last and _shares_baseline([last], line) and _continues_row(last, line, space):
            joined[-1] = join(last, line)
        else:
            joined.append(line)
    return joined


def baselines_of(lines: Sequence[Line]) -> list[list[Line]]:
    """Return *lines* by baseline from the top, and those of one baseline from the left."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box.middle[1]):
        if rows and _shares_baseline(rows[-1], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [row if len(row) == 1 else _sorted(row) for row in rows]


def _sorted(row: Sequence[Line]) -> list[Line]:
    return sorted(row, key=lambda line: line.box.left, reverse=runs_to_left(row))


def _shares_baseline(row: Sequence[Line], line: Line) -> bool:
    last = row[0] if len(row) == 1 else max(row, key=lambda one: one.box.height)
    _, top, _, bottom = last.box
    _, line_top, _, line_bottom = line.box
    shared = min(bottom, line_bottom) - max(top, line_top)
    return shared >= 0.55 * min(bottom - top, line_bottom - line_top)


def _continues_row(last: Line, line: Line, most: float) -> bool:
    space = max(line.box.left - last.box.right, last.box.left - line.box.right)
    size = max(last.size, line.size)
    if is_marker(last.text):
        return -size < space <= _MARKER_SPACE * size
    return -0.5 * size < space <= most * size


def is_marker(text: str) -> bool:
    """Return whether *text* is only a bullet or a number."""
    marked = f"{text} xx"
    match = BULLET.match(marked) or NUMBER.match(marked)
    return match is not None and match.end() >= len(text)


def is_item(text: str) -> bool:
    """Return whether *text* begins with a bullet or a number."""
    return bool(_marker(text))


def join(left: Line, right: Line) -> Line:
    """Return one line with the text of both, with a space between them."""
    space = max(right.box.left - left.box.right, left.box.left - right.box.right)
    apart = space > 0.1 * max(left.size, right.size)
    spaced = left.spans[-1].text.endswith(" ") or right.spans[0].text.startswith(" ")
    spans = left.spans
    if apart and not spaced:
        spans = (*spans, Span(" ", right.size))
    spans = _with_linked_space(spans, right.spans[0].link)
    box = hull((left.box, right.box))
    return Line(box, (*spans, *right.spans), index=min(left.index, right.index))


def _with_linked_space(spans: tuple[Span, ...], target: str | None) -> tuple[Span, ...]:
    """Return *spans* with the last space linked to *target*, if the text before it is."""
    if target is None or len(spans) < 2 or not spans[-1].text.isspace():
        return spans
    if len(spans) > 2 and spans[-2].text.isspace():
        spans = (*spans[:-2], spans[-1])
    return (*spans[:-1], replace(spans[-1], link=target)) if spans[-2].link == target else spans


def paragraphs_of(lines: Sequence[Line], pitch: float) -> Iterator[Block]:
    """Yield the paragraphs and items of the *lines* of one column, in order.

    *pitch*: the usual distance between baselines for each point of the font size.
    """
    rows = rows_in_order(_from_left(lines), _COLUMN_SPACE)
    if not rows:
        return
    area = hull(row.box for row in rows)
    run: list[Line] = []
    for row in rows:
        if run and _starts_paragraph(run, row, area, pitch):
            yield _block(run)
            run = []
        run.append(row)
    yield _block(run)


def _from_left(lines: Sequence[Line]) -> list[Line]:
    """Return *lines*, with those that follow each other on one baseline in their order there."""
    runs: list[list[Line]] = []
    for line in lines:
        if runs and _shares_baseline([runs[-1][-1]], line):
            runs[-1].append(line)
        else:
            runs.append([line])
    return [line for run in runs for line in (_sorted(run) if _are_apart(run) else run)]


def _are_apart(run: Sequence[Line]) -> bool:
    """Return whether the lines of one baseline have spaces between them, unlike a formula."""
    places = sorted((line.box.left, line.box.right) for line in run)
    return all(right < left for (_, right), (left, _) in pairwise(places))


def join_continued(blocks: Sequence[Block]) -> list[Block]:
    """Return *blocks*. A paragraph that goes on in the next column becomes one block."""
    joined: list[Block] = []
    for block in blocks:
        if joined and _goes_on(joined[-1], block):
            last = joined[-1]
            joined[-1] = replace(
                last, box=hull((last.box, block.box)), lines=[*last.lines, *block.lines]
            )
        else:
            joined.append(block)
    return joined


def _goes_on(block: Block, after: Block) -> bool:
    if after.kind is not Kind.PARAGRAPH or block.kind not in (Kind.PARAGRAPH, Kind.LIST_ITEM):
        return False
    last, first = block.lines[-1], after.lines[0]
    if last.bold != first.bold or abs(last.size - first.size) > _SAME_SIZE * last.size:
        return False
    words = last.text.rsplit(maxsplit=1)
    return first.text[:1].islower() and len(words) > 1 and not _SENTENCE_END.search(last.text)


def _starts_paragraph(run: Sequence[Line], row: Line, area: Box, pitch: float) -> bool:
    last = run[-1]
    if _marker(row.text) and not (last.text.endswith(",") and row.text[0].isalnum()):
        return True
    if abs(row.size - last.size) > _SAME_SIZE * max(row.size, last.size):
        return not _is_inline(row)
    if row.bold != last.bold and (last.spans[-1].bold != row.spans[0].bold):
        return True
    distance = row.box.bottom - last.box.bottom
    if distance < -0.5 * last.size:
        return True
    most = _PITCH_FACTOR * max(last.size, 1)
    if distance > most * pitch and distance > most * _pitch_of(run, pitch):
        return True
    return _is_indented(run, row, area) or _ends_short(run, row, area)


def _is_inline(row: Line) -> bool:
    """Return whether *row* has another size only because of a formula or a note's number."""
    return len(row.text) <= 2 and not row.text.isalnum()


def _pitch_of(run: Sequence[Line], pitch: float) -> float:
    if len(run) < 2:
        return pitch
    distances = [b.box.bottom - a.box.bottom for a, b in pairwise(run[-_RECENT:])]
    return max(pitch, median(distances) / max(run[-1].size, 1)) if distances else pitch


def _is_indented(run: Sequence[Line], row: Line, area: Box) -> bool:
    """Return whether *row* is indented as the first line of a paragraph."""
    size = max(row.size, 1)
    base = run[-1].box.left if len(run) > 1 else min(run[0].box.left, area.left)
    if _marker(run[0].text):
        return row.box.left < run[0].box.left - 0.5 * size
    indent = (row.box.left - base) / size
    if len(run) == 1 and run[0].box.left > row.box.left + 0.5 * size:
        return False  # the first line of this paragraph is indented
    if not _INDENT[0] <= indent <= _INDENT[1]:
        return False
    centred = abs((row.box.left + row.box.right) - (run[-1].box.left + run[-1].box.right)) < size
    return not centred and bool(_SENTENCE_END.search(run[-1].text))


def _ends_short(run: Sequence[Line], row: Line, area: Box) -> bool:
    """Return whether the last line is short, so that its paragraph ends there."""
    last = run[-1]
    if not _SENTENCE_END.search(last.text) or not row.text[:1].isupper():
        return False
    first_word = row.text.split()[0]
    needed = len(first_word) * 0.55 * row.size
    return last.box.right + needed < area.left + (area.width) * _SHORT_LINE


def _marker(text: str) -> str:
    match = BULLET.match(text) or NUMBER.match(text)
    return match[0] if match else ""


def _block(run: Sequence[Line]) -> Block:
    box = hull(line.box for line in run)
    marker = _marker(run[0].text)
    if not marker or marker == run[0].text:
        return Block(Kind.PARAGRAPH, box, run)
    return Block(
        Kind.LIST_ITEM,
        box,
        [_without(run[0], len(marker)), *run[1:]],
        marker=marker.replace("\ufffd", "•").split()[0],
    )


def _without(line: Line, count: int) -> Line:
    """Return *line* without its first *count* characters and the spaces around them."""
    count += len("".join(span.text for span in line.spans)) - len(
        "".join(span.text for span in line.spans).lstrip()
    )
    spans = []
    for span in line.spans:
        taken = min(count, len(span.text))
        count -= taken
        if rest := span.text[taken:]:
            spans.append(replace(span, text=rest))
    return replace(line, spans=tuple(spans) or line.spans[-1:])
