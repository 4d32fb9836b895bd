"""Makes JSON in pieces, so that the JSON of a large value is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic_core import to_json

PIECE_BYTES = 1024 * 1024


def json_pieces(value: Any, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield the JSON of a storable *value*, byte for byte as ``to_json`` makes it.

    A piece has about *size* bytes. If its characters must be escaped, it may have up to seven times
    as many. No piece is empty.
    """
    waiting = bytearray()
    for part in _parts(value, size):
        waiting += part
        if len(waiting) >= size:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def least_size(value: Any, enough: int) -> int:
    """Return a lower bound for the size of a storable *value* as JSON, in bytes.

    The count stops as soon as it is above *enough*.
    """
    size = 0
    left = [value]
    while left and size <= enough:
        part = left.pop()
        if isinstance(part, str):
            size += len(part) + len('""')
        elif isinstance(part, dict):
            size += len("{}") + len('"":') * len(part) + sum(map(len, part))
            left += part.values()
        elif isinstance(part, list):
            size += len("[]")
            left += part
        else:
            size += 1
    return size


def _parts(value: Any, size: int) -> Iterator[bytes]:
    if least_size(value, size) <= size:
        yield to_json(value)
    elif isinstance(value, dict):
        members = ((to_json(key) + b":", member) for key, member in value.items())
        yield from _joined(b"{", members, b"}", size)
    elif isinstance(value, list):
        yield from _joined(b"[", ((b"", member) for member in value), b"]", size)
    else:
        yield b'"'
        for start in range(0, len(value), size):
            yield to_json(value[start : start + size])[1:-1]
        yield b'"'


def _joined(
    opening: bytes, members: Iterable[tuple[bytes, Any]], closing: bytes, size: int
) -> Iterator[bytes]:
    yield opening
    between = b""
    for name, member in members:
        yield between + name
        yield from _parts(member, size)
        between = b","
    yield closing
