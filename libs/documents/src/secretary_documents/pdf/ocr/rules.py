"""Finds horizontal and vertical rules in the grey pixels of a page. No image library is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.ocr.picture import PagePicture

_DARK = 150
"""Pixels below this value belong to rules; light grey ones do not."""
_DARK_PIXELS = bytes(value < _DARK for value in range(256))
_PAPER, _INK = b"\x00", b"\x01"
"""A pixel after the translation by ``_DARK_PIXELS``."""
# The shortest rules, in inches: longer than the strokes of letters. Inside a rule, each row of
# pixels of a page that is a little askew has a part of this length.
_ACROSS, _UPRIGHT, _PART = 0.5, 0.25, 0.2
_THICKEST = 0.05
_SKEW = 0.02
"""A rule may leave its direction by this share of its length."""
_MOST_PARTS = 20_000


class _Run(NamedTuple):
    start: int
    end: int
    first: int
    """The first and the last row of pixels."""
    last: int


def rules_in(picture: PagePicture) -> tuple[list[Box], list[Box]]:
    """Return the horizontal and the vertical rules of *picture*, in points."""
    dark = picture.pixels.translate(_DARK_PIXELS)
    width, height, stride = picture.width, picture.height, picture.stride
    rows = [dark[at * stride : at * stride + width] for at in range(height)]
    columns = [dark[at : at + stride * height : stride] for at in range(width)]
    across = [
        _flat(picture.box(run.start, run.first, run.end, run.last + 1))
        for run in _rules(rows, round(_ACROSS * picture.dpi), picture.dpi)
    ]
    upright = [
        _high(picture.box(run.first, run.start, run.last + 1, run.end))
        for run in _rules(columns, round(_UPRIGHT * picture.dpi), picture.dpi)
    ]
    return across, upright


def _flat(box: Box) -> Box:
    middle = box.middle[1]
    return Box(box.left, middle, box.right, middle)


def _high(box: Box) -> Box:
    middle = box.middle[0]
    return Box(middle, box.top, middle, box.bottom)


def _rules(rows: Sequence[bytes], least: int, dpi: int) -> Iterator[_Run]:
    """Yield the dark runs of *rows* that are long and thin, with runs in rows below each other."""
    part = _INK * max(round(_PART * dpi), 1)
    found = 0
    open_runs: list[_Run] = []
    for at, row in enumerate(rows):
        if row.count(1) < _PART * dpi and not open_runs:
            continue
        parts = list(_runs(row, part))
        found += len(parts)
        if found > _MOST_PARTS:  # a picture, not a page with rules
            return
        kept: list[_Run] = []
        for run in open_runs:
            if at - run.last > 1:
                if _is_rule(run, least, dpi):
                    yield run
            else:
                kept.append(run)
        open_runs = kept
        for start, end in parts:
            _add(open_runs, start, end, at)
    yield from (run for run in open_runs if _is_rule(run, least, dpi))


def _runs(row: bytes, part: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each dark run of *row* that has at least the length of *part*."""
    end = 0
    while (start := row.find(part, end)) >= 0:
        end = row.find(_PAPER, start)
        if end < 0:
            end = len(row)
        yield start, end


def _add(runs: list[_Run], start: int, end: int, at: int) -> None:
    """Join the run of one row with those of the row before that it touches."""
    touched = [run for run in runs if run.start <= end + 1 and start <= run.end + 1]
    for run in touched:
        runs.remove(run)
    runs.append(
        _Run(
            min([start, *(run.start for run in touched)]),
            max([end, *(run.end for run in touched)]),
            min([at, *(run.first for run in touched)]),
            at,
        )
    )


def _is_rule(run: _Run, least: int, dpi: int) -> bool:
    length, thick = run.end - run.start, run.last - run.first + 1
    return length >= least and thick <= _THICKEST * dpi + _SKEW * length
