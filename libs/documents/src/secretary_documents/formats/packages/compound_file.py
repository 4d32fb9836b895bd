"""Checks the chains of sectors in an OLE file, which old workbooks (xls) are.

The library follows a chain without counting, so a chain that leads back to itself would fill the
memory.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Sequence

from secretary_common.errors import PermanentError
from secretary_documents.formats.limits import damaged

_HEADER_BYTES = 512
_SHIFT, _FIRST_MINI, _FIRST_MORE, _LISTED = 30, 60, 68, 76
"""The places in the header: of the size of sectors, of the first sector of the table of small
sectors, of the first sector with more places of the table, and of the first places themselves."""
_LISTED_SECTORS = 109
_SMALLEST_SHIFT, _LARGEST_SHIFT = 7, 16
_FREE = 0xFFFFFFFA
"""From here on numbers are marks, and no sectors."""


def check_chains(content: mmap.mmap) -> None:
    """Check that no chain of sectors in *content* leads back to itself.

    Raises:
        PermanentError: DOCUMENT_INVALID.
    """
    if len(content) < _HEADER_BYTES:
        raise damaged("the file is cut off")
    sectors = _Sectors(content)
    table = [number for place in sectors.of_table() for number in sectors.numbers(place)]
    _check(table)
    first = _number(content, _FIRST_MINI)
    small = [number for place in _chain(table, first) for number in sectors.numbers(place)]
    _check(small)


class _Sectors:
    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        shift = _number(content, _SHIFT) & 0xFFFF
        if not _SMALLEST_SHIFT <= shift <= _LARGEST_SHIFT:
            raise damaged("the sectors of the file have an impossible size")
        self._size = 1 << shift

    def numbers(self, place: int) -> Sequence[int]:
        """Return the numbers in the sector *place*; nothing if it is not in the file."""
        start = (place + 1) * self._size
        found = self._content[start : start + self._size]
        return struct.unpack(f"<{len(found) // 4}I", found[: len(found) // 4 * 4])

    def of_table(self) -> Iterator[int]:
        """Yield the sectors of the table, which has the next sector of each sector."""
        for index in range(_LISTED_SECTORS):
            place = _number(self._content, _LISTED + 4 * index)
            if place < _FREE:
                yield place
        following, seen = _number(self._content, _FIRST_MORE), set[int]()
        while following < _FREE and (numbers := self.numbers(following)):
            if following in seen:
                raise _circular()
            seen.add(following)
            yield from (place for place in numbers[:-1] if place < _FREE)
            following = numbers[-1]


def _check(table: Sequence[int]) -> None:
    """Follow all chains of *table*, each sector once."""
    chain_of: dict[int, int] = {}
    for start in range(len(table)):
        at = start
        while at < len(table) and at not in chain_of:
            chain_of[at] = start
            at = table[at]
        followed = chain_of.get(start) == start
        if followed and chain_of.get(at) == start:
            raise _circular()


def _chain(table: Sequence[int], first: int) -> Iterator[int]:
    """Yield the sectors of a chain; ``_check`` has found that it ends."""
    while first < len(table):
        yield first
        first = table[first]


def _number(content: mmap.mmap, place: int) -> int:
    return int.from_bytes(content[place : place + 4], "little")


def _circular() -> PermanentError:
    return damaged("the file is damaged: its sectors refer to each other in a circle")
