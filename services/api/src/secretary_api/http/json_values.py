"""Counts the values of a JSON text before any of them is built.

A value of three bytes may need a hundred bytes once it is built, and microseconds to build and
check. So a body within its limit of bytes may still need gigabytes and minutes.
"""

from __future__ import annotations

import re
from itertools import islice

# One match reads on to the next comma or opening bracket outside strings, or to the end.
_NEXT = re.compile(rb'(?:[^",\[{]++|"[^"]*+"?+)*+([,\[{]|\Z)')


def has_more_values(raw: bytes, most: int) -> bool:
    """Return whether *raw* has more than about *most* values: commas and opening brackets.

    Bodies of at most *most* bytes cost nothing.
    """
    if len(raw) <= most or sum(map(raw.count, (b",", b"[", b"{"))) <= most:
        return False
    if b"\0" in raw:  # UTF-16 or UTF-32: bytes of other characters may look like quotes
        return True
    if b"\\" in raw:
        raw = raw.replace(rb"\\", b"").replace(rb"\"", b"")
    found = next(islice(_NEXT.finditer(raw), most, None), None)
    return found is not None and found[1] != b""
