"""Puts the characters of MuPDF's lines into the order of reading.

MuPDF turns parts of a line that run to the left, but leaves signs, spaces and the parts themselves
in the order of the file, which differs from program to program. So the places of the characters on
the page decide.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest
from typing import Any

from secretary_documents.pdf.layout.bidi.order import (
    directions,
    is_base_to_left,
    mirrored,
    reading_order,
)
from secretary_documents.pdf.mupdf.text import FoundWord

Char = dict[str, Any]
"""A character as MuPDF gives it, with its text, its box and its span."""

# Parts of a line are apart if this number of font sizes is between them, words if this number is.
WIDE_SPACE, _WORD_SPACE = 2.2, 0.25
# MuPDF often begins a new line at a number. Parts of one line are at most this far apart.
_SAME_LINE = 0.5
# A letter without a width is as near as this number of points to its ligature.
_NEAR = 1.0


def in_reading_order(blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *blocks* of MuPDF's characters. Their lines with letters to the left are in order.

    The spans of each line have their text and their characters. A line that is changed is
    ``whole``: it has no wide space inside.
    """
    text = "".join(_text_of(line) for block in blocks for line in block.get("lines", ()))
    to_left, to_right = directions(text)
    return [
        {**block, "lines": list(_lines(block.get("lines", ()), page_to_left=to_left > to_right))}
        for block in blocks
    ]


def words_in(blocks: Sequence[dict[str, Any]]) -> list[FoundWord]:
    """Return the words of *blocks* as MuPDF would give them, in the order of their characters."""
    return [
        (*_hull(word), "".join(char["c"] for char in word), block_number, line_number, number)
        for block_number, block in enumerate(blocks)
        for line_number, line in enumerate(block["lines"])
        for number, word in enumerate(_words(_chars(line)))
    ]


def _lines(lines: Sequence[dict[str, Any]], *, page_to_left: bool) -> Iterator[dict[str, Any]]:
    for group in _joined(lines):
        if len(group) == 1 and not _can_change(group[0]):
            yield group[0]
            continue
        chars = [
            {**char, "span": span}
            for line in group
            for span in line["spans"]
            for char in span["chars"]
        ]
        parts = _parts(_drawn(chars))
        if page_to_left:
            parts.reverse()
        for part in parts:
            found = _ordered(part, page_to_left=page_to_left)
            yield {**group[0], "bbox": _hull(found), "spans": _spans(found), "whole": True}


def _can_change(line: dict[str, Any]) -> bool:
    return tuple(line["dir"]) == (1.0, 0.0) and directions(_text_of(line))[0] > 0


def _joined(lines: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the *lines*; those that go on with each other on one baseline together."""
    group: list[dict[str, Any]] = []
    for line in lines:
        if group and not _goes_on(group, line):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _goes_on(group: Sequence[dict[str, Any]], line: dict[str, Any]) -> bool:
    last = group[-1]
    if tuple(last["dir"]) != (1.0, 0.0) or tuple(line["dir"]) != (1.0, 0.0):
        return False
    if not (_can_change(line) or any(map(_can_change, group))):
        return False
    one, other = last["bbox"], line["bbox"]
    height = min(one[3] - one[1], other[3] - other[1])
    if min(one[3], other[3]) - max(one[1], other[1]) < 0.5 * height:
        return False
    space = max(one[0] - other[2], other[0] - one[2])
    return bool(abs(space) <= _SAME_LINE * height)


def _drawn(chars: Sequence[Char]) -> list[list[Char]]:
    """Return *chars* as they stand on the page from the left, each letter with its marks."""
    clusters: list[list[Char]] = []
    waits = False
    for char, after in zip_longest(chars, chars[1:]):
        starts = char["thin"] and after is not None and _are_one_sign(char, after)
        if clusters and (waits or (_belongs_to_last(char) and not starts)):
            clusters[-1].append(char)
        else:
            clusters.append([char])
        waits = starts
    return sorted(clusters, key=_middle)


def _belongs_to_last(char: Char) -> bool:
    """Return whether *char* is a mark over the letter before, or the end of its ligature."""
    return char["thin"] or unicodedata.category(char["c"]) in ("Mn", "Cf")


def _are_one_sign(thin: Char, after: Char) -> bool:
    """Return whether *thin* is a part of the ligature *after*, which MuPDF has turned."""
    starts = abs(thin["bbox"][0] - after["bbox"][2]) <= _NEAR
    return not after["thin"] and directions(after["c"])[0] > 0 and starts


def _main(cluster: Sequence[Char]) -> Char:
    """Return the character that gives *cluster* its place."""
    return next((char for char in cluster if not char["thin"]), cluster[0])


def _middle(cluster: Sequence[Char]) -> float:
    left, _, right, _ = _main(cluster)["bbox"]
    return float(left + right) / 2


def _parts(drawn: Sequence[list[Char]]) -> list[list[list[Char]]]:
    """Return the clusters *drawn* as parts without wide spaces, which no space is a part of."""
    parts: list[list[list[Char]]] = []
    end = 0.0
    for cluster in drawn:
        char = _main(cluster)
        if char["c"].isspace():
            touches = parts and char["bbox"][0] - end <= _SAME_LINE * _size(char)
            if touches and not parts[-1][-1][0]["c"].isspace():
                parts[-1].append(cluster)
            continue
        space = char["bbox"][0] - end
        if not parts or space > WIDE_SPACE * _size(char):
            parts.append([])
        elif not parts[-1][-1][0]["c"].isspace() and space > _WORD_SPACE * _size(char):
            parts[-1].append([{**char, "c": " ", "bbox": _between(_main(parts[-1][-1]), char)}])
        parts[-1].append(cluster)
        end = char["bbox"][2]
    return parts


def _size(char: Char) -> float:
    return float(char["span"].get("size") or char["bbox"][3] - char["bbox"][1])


def _between(left: Char, right: Char) -> tuple[float, float, float, float]:
    return (left["bbox"][2], right["bbox"][1], right["bbox"][0], right["bbox"][3])


def _ordered(part: Sequence[list[Char]], *, page_to_left: bool) -> list[Char]:
    texts = [cluster[0]["c"] for cluster in part]
    to_left = is_base_to_left("".join(texts), page_to_left=page_to_left)
    if to_left:
        part = _with_own_spaces(part)
        texts = [cluster[0]["c"] for cluster in part]
    clusters = [part[at] for at in reading_order(texts, to_left=to_left)]
    signs = mirrored([cluster[0]["c"] for cluster in clusters])
    return [
        {**char, "c": sign} if char is cluster[0] else char
        for sign, cluster in zip(signs, clusters, strict=True)
        for char in cluster
    ]


def _with_own_spaces(part: Sequence[list[Char]]) -> list[list[Char]]:
    """Return *part*. A space after a Latin word that touches the next word is between the two.

    Text processors draw such a space at the right of the Latin word, where that word begins.
    """
    found = list(part)
    kinds = [unicodedata.bidirectional(cluster[0]["c"][:1] or " ") for cluster in found]
    start = 0
    for kind, run in groupby(kinds, key=lambda kind: kind == "L"):
        end = start + len(list(run))
        touches = kind and start > 0 and kinds[start - 1] in ("R", "AL")
        if touches and kinds[end : end + 1] == ["WS"] and kinds[end + 1 : end + 2] != ["L"]:
            found.insert(start, found.pop(end))
        start = end
    return found


def _spans(chars: Sequence[Char]) -> list[dict[str, Any]]:
    """Return *chars* as spans, each with one style."""
    spans: list[dict[str, Any]] = []
    for before, char in zip([None, *chars], chars, strict=False):
        if before is None or before["span"] is not char["span"]:
            spans.append({**char["span"], "chars": []})
        spans[-1]["chars"].append(char)
    for span in spans:
        span["text"] = "".join(char["c"] for char in span["chars"])
        span["bbox"] = _hull(span["chars"])
    return spans


def _chars(line: dict[str, Any]) -> list[Char]:
    return [char for span in line["spans"] for char in span["chars"]]


def _text_of(line: dict[str, Any]) -> str:
    return "".join(char["c"] for char in _chars(line))


def _words(chars: Sequence[Char]) -> Iterator[list[Char]]:
    for is_space, word in groupby(chars, key=lambda char: char["c"].isspace()):
        found = [char for char in word if char["c"]]
        if found and not is_space:
            yield found


def _hull(chars: Sequence[Char]) -> tuple[float, float, float, float]:
    lefts, tops, rights, bottoms = zip(*(char["bbox"] for char in chars), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
