"""Corrects lines of scripts that MuPDF gives in pieces: Arabic ligatures, vertical letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from secretary_documents.pdf.layout.model import Line, hull

_ALEFS, _LAM = "\u0627\u0622\u0623\u0625", "\u0644"
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_LEAST_LETTERS = 3
# Letters follow each other if they are at most this number of font sizes apart.
_APART = 2.0
# Letters touch each other if less than this share of their height is between them.
_TOUCHING = 0.1


def is_right_to_left(text: str) -> bool:
    """Return whether *text* has letters of a script that runs from the right to the left."""
    return bool(_RIGHT_TO_LEFT.search(text))


def runs_to_left(lines: Sequence[Line]) -> bool:
    """Return whether most letters of *lines* run from the right to the left."""
    text = "".join(line.text for line in lines)
    found = len(_RIGHT_TO_LEFT.findall(text))
    return found > 0 and found > sum(unicodedata.bidirectional(char) == "L" for char in text)


def with_ligatures(blocks: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return *blocks* of MuPDF's characters, in place, with the text of each span.

    MuPDF splits the ligature of lam and alef into two characters in the wrong order.
    """
    for block in blocks:
        for line in block.get("lines", ()):
            _correct([char for span in line["spans"] for char in span["chars"]])
            for span in line["spans"]:
                span["text"] = "".join(char["c"] for char in span["chars"])
    return blocks


def _correct(chars: Sequence[dict[str, Any]]) -> None:
    for index in range(len(chars) - 1):
        one, other = chars[index], chars[index + 1]
        if one["c"] in _ALEFS and other["c"] == _LAM and _is_ligature(chars, index):
            one["c"], other["c"] = other["c"], one["c"]


def _is_ligature(chars: Sequence[dict[str, Any]], index: int) -> bool:
    """Return whether the alef at *index* takes no place of its own beside the letter before."""
    alef = chars[index]["bbox"]
    if chars[index]["thin"]:
        return True
    before = chars[index - 1] if index else None
    return before is not None and before["c"].isalpha() and alef[0] >= before["bbox"][0] - 0.5


def join_letters(lines: Sequence[Line]) -> list[Line]:
    """Return *lines*. Single letters of vertical fonts that follow each other become one line."""
    if not any(line.turned for line in lines):
        return list(lines)
    joined: list[Line] = []
    run: list[Line] = []
    for line in lines:
        if run and not _follows(run, line):
            joined += _ended(run)
            run = []
        run.append(line)
    return [line for line in (*joined, *_ended(run)) if line.text]


def _follows(run: Sequence[Line], line: Line) -> bool:
    last = run[-1]
    if not (line.turned and last.turned and len(line.text) <= 1 and len(last.text) <= 1):
        return False
    x, y = line.box.left - last.box.left, line.box.top - last.box.top
    most = _APART * max(last.size, 1)
    beside, below = abs(y) < 2 and 0 < x < most, abs(x) < 2 and 0 < y < most
    if len(run) > 1:
        was_beside = abs(last.box.top - run[-2].box.top) < 2
        return beside if was_beside else below
    return beside or below


def _ended(run: Sequence[Line]) -> list[Line]:
    if len(run) < _LEAST_LETTERS:
        return list(run)
    text = "".join(span.text for line in run for span in line.spans)
    first, last = run[0].box, run[-1].box
    span = replace(run[0].spans[0], text=text)
    turned = abs(last.top - first.top) > 2
    return [Line(hull(line.box for line in run), (span,), turned=turned, down=turned)]
