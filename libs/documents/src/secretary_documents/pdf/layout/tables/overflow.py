"""Divides words where the text of a cell runs into the next cell. No I/O.

Spreadsheets print a long text over the cell at its right. MuPDF then sees one word.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from secretary_documents.pdf.layout.script import is_right_to_left
from secretary_documents.pdf.mupdf.text import FoundWord

FindCharacters = Callable[[], Sequence[dict[str, Any]]]
"""Returns MuPDF's blocks with characters."""

# At least this number of rows begin a cell at the same place. A place is as near as one point.
_LEAST_ROWS = 5
_NEAR = 1.0
# A cell begins after a space of this share of the height of its words.
_CELL_SPACE = 0.62
# A letter that begins before the end of the letter before, by this share of its height. Kerning
# moves letters by less.
_OVERLAP = 0.15
# The space that is left between the two cells, so that they are seen as cells.
_CUT = 0.8


def divided_words(found: Sequence[FoundWord], find: FindCharacters) -> Sequence[FoundWord]:
    """Return *found* with words divided where a column begins and two letters overlap.

    *find* is called only if a word crosses the beginning of a column.
    """
    columns = _columns(found)
    if not any(_crossed(word, columns) for word in found):
        return found
    chars = _characters_by_word(find())
    return [part for word in found for part in _divided(word, columns, chars)]


def _columns(found: Sequence[FoundWord]) -> list[float]:
    """Return the left sides at which the cells of several rows begin, ascending."""
    starts: Counter[int] = Counter()
    last: FoundWord | None = None
    for word in found:
        same_line = last is not None and last[5:7] == word[5:7]
        space = word[0] - last[2] if last is not None else 0.0
        if not same_line or space > _CELL_SPACE * (word[3] - word[1]):
            starts[round(word[0])] += 1
        last = word
    return sorted(float(left) for left, count in starts.items() if count >= _LEAST_ROWS)


def _crossed(word: FoundWord, columns: Sequence[float]) -> bool:
    """Return whether a column begins inside *word*, whose letters run to the right."""
    if is_right_to_left(word[4]):
        return False
    at = bisect_right(columns, word[0] + 2 * _NEAR)
    return at < len(columns) and columns[at] < word[2] - _NEAR


def _characters_by_word(
    blocks: Sequence[dict[str, Any]],
) -> dict[tuple[int, int], list[list[dict[str, Any]]]]:
    """Return the characters of each word, by the numbers of its block and line."""
    words: defaultdict[tuple[int, int], list[list[dict[str, Any]]]] = defaultdict(list)
    for block_number, block in enumerate(blocks):
        for line_number, line in enumerate(block.get("lines", ())):
            inside = False
            for char in (char for span in line["spans"] for char in span["chars"]):
                is_space = char["c"] <= " " or char["c"] == "\xa0"
                if not is_space and not inside:
                    words[block_number, line_number].append([])
                if not is_space:
                    words[block_number, line_number][-1].append(char)
                inside = not is_space
    return words


def _divided(
    word: FoundWord,
    columns: Sequence[float],
    chars: dict[tuple[int, int], list[list[dict[str, Any]]]],
) -> Iterator[FoundWord]:
    block, line, number = word[5:]
    words = chars.get((block, line), [])
    inside = words[number] if _crossed(word, columns) and number < len(words) else []
    at = _start_of_cell(inside, columns)
    if not at or len(inside) != len(word[4]):
        yield word
        return
    left, top, right, bottom = word[:4]
    start = inside[at]["bbox"][0]
    end = max(start - _CUT * (bottom - top), left + 1)
    yield (left, top, end, bottom, word[4][:at], block, line, number)
    yield (start, top, right, bottom, word[4][at:], block, line, number)


def _start_of_cell(chars: Sequence[dict[str, Any]], columns: Sequence[float]) -> int:
    """Return the index of the letter that begins the next cell; 0 if none does."""
    for index in range(1, len(chars)):
        left, top, _, bottom = chars[index]["bbox"]
        overlap = chars[index - 1]["bbox"][2] - left
        near = any(abs(left - column) <= _NEAR for column in columns)
        if near and overlap > _OVERLAP * (bottom - top):
            return index
    return 0
