"""Checks the chains of sectors in an OLE file, which old office files are, and reads its directory.

The library for workbooks (xls) follows a chain without counting, so a chain that leads back to
itself would fill the memory.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Sequence

from secretary_common.errors import PermanentError
from secretary_documents.formats.limits import damaged

_HEADER_BYTES = 512
_DIRECTORY = 48
"""The place in the header of the first sector of the directory."""
_ENTRY_BYTES, _NAME_BYTES = 128, 64
_LEFT, _RIGHT, _CHILD = 68, 72, 76
"""The places in an entry of the directory: of its neighbours in a tree, and of the first entry in
a folder."""
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
    table = sectors.table()
    _check(table)
    first = _number(content, _FIRST_MINI)
    small = [number for place in _chain(table, first) for number in sectors.numbers(place)]
    _check(small)


def names_in_root(content: mmap.mmap) -> set[str]:
    """Return the names of the streams and folders in the outermost folder of an OLE file.

    The streams of embedded files are in folders of their own. What is damaged is left out.

    Raises:
        PermanentError: DOCUMENT_INVALID.
    """
    sectors = _Sectors(content)
    table = sectors.table()
    places, at = dict[int, None](), _number(content, _DIRECTORY)
    while at < len(table) and at not in places:
        places[at] = None
        at = table[at]
    directory = b"".join(map(sectors.content, places))
    names, waiting = set[str](), [_linked(directory, 0, _CHILD)]
    seen: set[int] = set()
    while waiting:
        entry = waiting.pop()
        start = entry * _ENTRY_BYTES
        if entry in seen or start + _ENTRY_BYTES > len(directory):
            continue
        seen.add(entry)
        length = int.from_bytes(directory[start + _NAME_BYTES : start + _NAME_BYTES + 2], "little")
        name = directory[start : start + max(min(length, _NAME_BYTES) - 2, 0)]
        names.add(name.decode("utf-16-le", errors="replace"))
        waiting += (_linked(directory, entry, place) for place in (_LEFT, _RIGHT))
    return names


class _Sectors:
    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        shift = _number(content, _SHIFT) & 0xFFFF
        if not _SMALLEST_SHIFT <= shift <= _LARGEST_SHIFT:
            raise damaged("the sectors of the file have an impossible size")
        self._size = 1 << shift

    def content(self, place: int) -> bytes:
        """Return the bytes of the sector *place*; nothing if it is not in the file."""
        start = (place + 1) * self._size
        return self._content[start : start + self._size]

    def numbers(self, place: int) -> Sequence[int]:
        """Return the numbers in the sector *place*; nothing if it is not in the file."""
        found = self.content(place)
        return struct.unpack(f"<{len(found) // 4}I", found[: len(found) // 4 * 4])

    def table(self) -> list[int]:
        """Return the table, which has the next sector of each sector."""
        places = dict.fromkeys(self._of_table())
        return [number for place in places for number in self.numbers(place)]

    def _of_table(self) -> Iterator[int]:
        """Yield the sectors of the table."""
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


def _linked(directory: bytes, entry: int, place: int) -> int:
    start = entry * _ENTRY_BYTES + place
    return int.from_bytes(directory[start : start + 4], "little")


def _number(content: mmap.mmap, place: int) -> int:
    return int.from_bytes(content[place : place + 4], "little")


def _circular() -> PermanentError:
    return damaged("the file is damaged: its sectors refer to each other in a circle")
