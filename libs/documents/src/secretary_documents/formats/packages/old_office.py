"""Finds out whether an old office file (OLE) is cut off, and whether a doc or ppt is encrypted.

LibreOffice reports an encrypted file like a damaged one.
"""

from __future__ import annotations

import mmap
import re

_SECTOR_SHIFT, _DIRECTORY = 30, 48
"""The places in the header: of the power of two that is the size of a sector, and of the first
sector of the directory, which has the names of the streams."""
_LEAST_DIRECTORY = 128
_SMALL_SECTOR = 64
# The header of a Word document (FIB, [MS-DOC] 2.5.2) begins a stream. The group has its flags.
_WORD = re.compile(rb"[\xec\xdc]\xa5.{8}(..)[\x65\x68\xbf\xc1]\0", re.DOTALL)
_WORD_IS_ENCRYPTED = 0x100
# The record CurrentUserAtom with the token of an encrypted presentation ([MS-PPT] 2.3.2).
_POWER_POINT = re.compile(rb"\0\0\xf6\x0f.{4}\x14\0\0\0\xdf\xc4\xd1\xf3", re.DOTALL)


def is_cut_off(content: mmap.mmap) -> bool:
    """Return whether the directory of the OLE file *content* is not in it."""
    shift = _number(content, _SECTOR_SHIFT) & 0x1F
    return ((_number(content, _DIRECTORY) + 1) << shift) + _LEAST_DIRECTORY > len(content)


def is_encrypted(content: mmap.mmap, name: str) -> bool:
    """Return whether the OLE file *content* of the format *name* (doc, ppt) is encrypted."""
    if name == "ppt":
        return _POWER_POINT.search(content) is not None
    # A document may have others embedded.
    headers = (one for one in _WORD.finditer(content) if one.start() % _SMALL_SECTOR == 0)
    flags = [int.from_bytes(one[1], "little") for one in headers] if name == "doc" else []
    return bool(flags) and all(one & _WORD_IS_ENCRYPTED for one in flags)


def _number(content: mmap.mmap, place: int) -> int:
    return int.from_bytes(content[place : place + 4], "little")
