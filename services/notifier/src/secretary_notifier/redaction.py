r"""Takes secrets out of what a receiver answered, however it spells them: pure, no I/O.

A receiver that echoes its request rarely repeats a token as it was sent: it stands in JSON
(``\"``, ``\/``, ``\u00fc``), in a URL (``%2F``), in HTML (``&quot;``), in base64, or in one of
these inside another. So the text is read as often as it can be unescaped, and each reading is
searched, with the place of each character in what was received kept beside it.
"""

from __future__ import annotations

import base64
import html
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from secretary_common.secrets.secret_field import REDACTED

SHORTEST_PART = 4
"""So much of the beginning of a secret, at the end of a text that was cut there, gives it away."""
SHORTEST_CORE = 8
"""Fewer characters of base64 would be found where nothing is meant."""
MOST_READINGS = 6
LONGEST_CUT = 10
"""What is left of an escape, at most."""
SIGNING_PREFIX = "whsec_"

# In this order: JSON and its like, URLs, HTML, and UTF-8 of what fits into latin-1 (as all that
# fits into a header does). The bytes are read as latin-1, which gives each its own character.
_ESCAPE = re.compile(
    r"\\u00(?P<json>[0-9a-f]{2})|\\x(?P<code>[0-9a-f]{2})|\\(?P<plain>[\"'\\/])"
    r"|%(?P<url>[0-9a-f]{2})"
    r"|(?P<html>&(?:\#x[0-9a-f]{1,8}|\#[0-9]{1,8}|[a-z][a-z0-9]{1,8});)"
    r"|(?P<utf8>[\xc2\xc3][\x80-\xbf])",
    re.IGNORECASE | re.ASCII,
)
_CUT_ESCAPE = re.compile(
    r"(?:\\(?:u0{0,2}[0-9a-f]?|x[0-9a-f]?)?|%[0-9a-f]?|&\#?[a-z0-9]{0,8}|[\xc2\xc3])\Z",
    re.IGNORECASE | re.ASCII,
)
# A space is a plus in forms; base64 has two alphabets. One character stands for each such group.
_ALIKE = str.maketrans("+-_", "  /")


def redacted(text: bytes, secrets: Iterable[str]) -> bytes:
    """*text* with ``[redacted]`` for each of *secrets* in whatever spelling, cut at the end or not.

    The cost is that of a few passes over *text*: cut it first to what is kept of it.
    """
    spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
    received = text.decode("latin-1")
    reading = _Reading(received, range(len(received) + 1))
    spans: list[tuple[int, int]] = []
    for _ in range(MOST_READINGS):
        spans += reading.spans_of(spellings)
        following = reading.unescaped()
        if following is None:
            break
        reading = following
    return _without(received, spans).encode("latin-1")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was received, unescaped some times."""

    text: str
    places: list[int] | range
    """Where in what was received each character begins; at last, where that ends."""

    def spans_of(self, spellings: Iterable[str]) -> Iterator[tuple[int, int]]:
        """Where *spellings* stand in what was received, as a whole or as far as its end shows."""
        text = self.text.translate(_ALIKE)
        ends = _ends(text)
        for spelling in spellings:
            head = spelling[:SHORTEST_PART]
            start = text.find(head)
            while start >= 0:
                if text.startswith(spelling, start):
                    yield self.places[start], self.places[start + len(spelling)]
                elif any(
                    spelling.startswith(text[start:end])
                    for end in _between(ends, start, start + len(spelling))
                ):
                    yield self.places[start], self.places[-1]
                start = text.find(head, start + 1)

    def unescaped(self) -> _Reading | None:
        """The text with every escape in it replaced by what it stands for; None: there is none."""
        pieces: list[str] = []
        places: list[int] = []
        done = 0
        for match in _ESCAPE.finditer(self.text):
            if (character := _meant(match)) is None:
                continue
            pieces += (self.text[done : match.start()], character)
            places += self.places[done : match.start() + 1]
            done = match.end()
        if not pieces:
            return None
        return _Reading("".join(pieces) + self.text[done:], [*places, *self.places[done:]])


def _ends(text: str) -> list[int]:
    """Where *text* ends, and where it would without escapes that were cut, one inside another."""
    ends = [len(text)]
    while cut := _CUT_ESCAPE.search(text, max(0, ends[-1] - LONGEST_CUT), ends[-1]):
        ends.append(cut.start())
    return ends[::-1]


def _between(ends: list[int], start: int, longest: int) -> list[int]:
    """Those of the rising *ends* that are behind *start* and before *longest*."""
    return ends[bisect_right(ends, start) : bisect_left(ends, longest)]


def _meant(escape: re.Match[str]) -> str | None:
    """The character *escape* stands for; None if it is beyond latin-1, or none at all."""
    kind, said = escape.lastgroup, escape[escape.lastgroup or 0]
    if kind == "plain":
        return said
    if kind == "html":
        character = html.unescape(said)
        return character if len(character) == 1 and character <= "\xff" else None
    if kind == "utf8":
        return said.encode("latin-1").decode()
    return chr(int(said, 16))


def _spellings(secret: str) -> set[str]:
    """What to look for: *secret*, read as often as a text is, and in base64 at any place of it."""
    found = {secret, secret.removeprefix(SIGNING_PREFIX).rstrip("=")}
    for encoded in {secret.encode(), secret.encode("latin-1", "replace")}:
        found |= {encoded.decode("latin-1"), _base64(encoded), _base64(b"Bearer " + encoded)}
        found |= {
            core for before in range(3) if len(core := _core(encoded, before)) > SHORTEST_CORE
        }
    for one in list(found):
        for _ in range(MOST_READINGS):
            read = _ESCAPE.sub(lambda escape: _meant(escape) or escape[0], one)
            if read == one:
                break
            found.add(one := read)
    return {one.translate(_ALIKE) for one in found if one}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii").rstrip("=")


def _core(content: bytes, before: int) -> str:
    """What base64 shows of *content* alone, with so many bytes before it in its group of three."""
    first, beyond = -(-before * 8 // 6), (before + len(content)) * 8 // 6
    return _base64(bytes(before) + content)[first:beyond]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """*text* with each run of overlapping *spans* replaced once."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    edges = [0, *(edge for span in merged for edge in span), len(text)]
    kept = [text[start:end] for start, end in list(pairwise(edges))[::2]]
    return REDACTED.join(kept)
