"""Damages files as a broken disk, a broken network or an attacker does."""

from __future__ import annotations

from random import Random

_INTERESTING = (b"\x00", b"\xff", b"<<", b">>", b"endobj", b"stream\n", b"R", b"-1", b"9999999999")


def mutated(content: bytes, random: Random) -> bytes:
    """Return *content* with one kind of damage, drawn from *random*."""
    kinds = (_bits, _cut, _hole, _repeat, _spliced)
    return random.choice(kinds)(content, random) if content else content


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
