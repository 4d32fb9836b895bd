"""Damaged copies of files, as a bad disk, a bad line or somebody's malice would make them."""

from __future__ import annotations

from random import Random

_INTERESTING = (b"\x00", b"\xff", b"<<", b">>", b"endobj", b"stream\n", b"R", b"-1", b"9999999999")


def mutated(content: bytes, chance: Random) -> bytes:
    """*content* with one kind of damage, as *chance* has it."""
    kinds = (_bits, _cut, _hole, _repeat, _spliced)
    return chance.choice(kinds)(content, chance) if content else content


def _bits(content: bytes, chance: Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(max(1, len(content) // 2000)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def _cut(content: bytes, chance: Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _hole(content: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.randrange(1, 1 + len(content) // 10) :]


def _repeat(content: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(content))
    piece = content[start : start + chance.randrange(1, 1 + len(content) // 10)]
    return content[:start] + piece * chance.randrange(2, 6) + content[start:]


def _spliced(content: bytes, chance: Random) -> bytes:
    damaged = content
    for _ in range(chance.randrange(1, 20)):
        place = chance.randrange(len(damaged))
        damaged = damaged[:place] + chance.choice(_INTERESTING) + damaged[place + 1 :]
    return damaged
