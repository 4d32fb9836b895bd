"""Damages files as a broken disk, a broken network or an attacker does."""

from __future__ import annotations

import io
import zipfile
from random import Random

_INTERESTING = (b"\x00", b"\xff", b"<<", b">>", b"endobj", b"stream\n", b"R", b"-1", b"9999999999")
_WHOLE = 0.2
"""The share of ZIP files that are damaged as a whole."""


def mutated(content: bytes, random: Random) -> bytes:
    """Return *content* with one kind of damage, drawn from *random*."""
    kinds = (_bits, _cut, _hole, _repeat, _spliced)
    return random.choice(kinds)(content, random) if content else content


def mutated_inside(content: bytes, random: Random) -> bytes:
    """Return *content* with damage to one member, if it is a ZIP file; else damaged as a whole.

    Damage to a packed file mostly breaks its sums, so no reader sees it.
    """
    if not zipfile.is_zipfile(io.BytesIO(content)) or random.random() < _WHOLE:
        return mutated(content, random)
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(written, "w") as made:
        names = given.namelist()
        chosen = random.choice(names)
        for name in names:
            member = given.read(name)
            made.writestr(name, mutated(member, random) if name == chosen else member)
    return written.getvalue()


def _bits(content: bytes, random: Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(max(1, len(content) // 2000)):
        damaged[random.randrange(len(damaged))] = random.randrange(256)
    return bytes(damaged)


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content))]


def _hole(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content))
    return content[:start] + content[start + random.randrange(1, 1 + len(content) // 10) :]


def _repeat(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content))
    piece = content[start : start + random.randrange(1, 1 + len(content) // 10)]
    return content[:start] + piece * random.randrange(2, 6) + content[start:]


def _spliced(content: bytes, random: Random) -> bytes:
    damaged = content
    for _ in range(random.randrange(1, 20)):
        place = random.randrange(len(damaged))
        damaged = damaged[:place] + random.choice(_INTERESTING) + damaged[place + 1 :]
    return damaged
