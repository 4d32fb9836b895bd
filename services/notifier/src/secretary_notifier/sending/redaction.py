r"""Removes secrets in all usual spellings from a receiver's answer. No I/O.

A receiver that echoes its request rarely repeats a token as it was sent. The token may stand in
JSON (``\"``, ``\/``, ``\u00fc``), in a URL (``%2F``), in HTML (``&quot;``), in base64, or in one of
these inside another. So the answer is unescaped again and again, and each of these readings is
searched. A reading knows for each of its characters the place in the answer as it was received.
"""

from __future__ import annotations

import base64
import html
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from secretary_common.secrets.secret_field import REDACTED

SHORTEST_PART = 4
"""A cut text may end within a secret. A part of at least this length is removed."""
SHORTEST_SECRET = 4
"""A shorter secret is kept: its letters occur in any text, and the gaps would reveal it."""
SHORTEST_CORE = 8
"""Shorter pieces of base64 are not searched for: other text may contain them by chance."""
MOST_READINGS = 6
LONGEST_CUT = 10
"""The most characters that may be left of an escape that was cut."""
SIGNING_PREFIX = "whsec_"

# In this order: JSON and similar formats, URLs, HTML, and UTF-8 of characters that latin-1 has
# (a header carries no others). The bytes are read as latin-1: each byte is one character.
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
# Forms write a space as a plus, and base64 has two alphabets. One character replaces each group.
_ALIKE = str.maketrans("+-_", "  /")


def redacted(text: bytes, secrets: Iterable[str]) -> bytes:
    """Return *text* with ``[redacted]`` in place of each secret, in any spelling.

    A secret at the end of *text* is found even if it was cut there. The cost is a few passes over
    *text*, so callers cut it to the wanted length first.
    """
    if not text:
        return text
    spellings = {
        spelling
        for secret in secrets
        if len(secret) >= SHORTEST_SECRET
        for spelling in _spellings(secret)
    }
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
    """The received text after it was unescaped zero or more times."""

    text: str
    places: list[int] | range
    """The place in the received text where each character begins; last, where that text ends."""

    def spans_of(self, spellings: Iterable[str]) -> Iterator[tuple[int, int]]:
        """Yield the spans of the received text that hold one of *spellings*, whole or cut off."""
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
        """Return the reading with every escape replaced by its character; None: no escape."""
        pieces: list[str] = []
        places: list[int] = []
        done = 0
        for match in _ESCAPE.finditer(self.text):
            if (character := _character(match)) is None:
                continue
            pieces += (self.text[done : match.start()], character)
            places += self.places[done : match.start() + 1]
            done = match.end()
        if not pieces:
            return None
        return _Reading("".join(pieces) + self.text[done:], [*places, *self.places[done:]])


def _ends(text: str) -> list[int]:
    """Return the possible ends of *text*: with the cut escapes at its end, and without them."""
    ends = [len(text)]
    while cut := _CUT_ESCAPE.search(text, max(0, ends[-1] - LONGEST_CUT), ends[-1]):
        ends.append(cut.start())
    return ends[::-1]


def _between(ends: list[int], start: int, longest: int) -> list[int]:
    """Return the *ends*, which are sorted, behind *start* and before *longest*."""
    return ends[bisect_right(ends, start) : bisect_left(ends, longest)]


def _character(escape: re.Match[str]) -> str | None:
    """Return the character that *escape* means; None if latin-1 has no such character."""
    kind, content = escape.lastgroup, escape[escape.lastgroup or 0]
    if kind == "plain":
        return content
    if kind == "html":
        character = html.unescape(content)
        return character if len(character) == 1 and character <= "\xff" else None
    if kind == "utf8":
        return content.encode("latin-1").decode()
    return chr(int(content, 16))


@lru_cache(maxsize=64)  # most deliveries share their secrets with others
def _spellings(secret: str) -> frozenset[str]:
    """Return the texts to search for: *secret* in all readings, and in base64 at any offset."""
    found = {secret, secret.removeprefix(SIGNING_PREFIX).rstrip("=")}
    for encoded in {secret.encode(), secret.encode("latin-1", "replace")}:
        found |= {encoded.decode("latin-1"), _base64(encoded), _base64(b"Bearer " + encoded)}
        found |= {
            core for before in range(3) if len(core := _core(encoded, before)) > SHORTEST_CORE
        }
    for one in list(found):
        for _ in range(MOST_READINGS):
            read = _ESCAPE.sub(lambda escape: _character(escape) or escape[0], one)
            if read == one:
                break
            found.add(one := read)
    return frozenset(one.translate(_ALIKE) for one in found if one)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii").rstrip("=")


def _core(content: bytes, before: int) -> str:
    """Return the base64 that depends on *content* alone, after *before* bytes of its group."""
    first, beyond = -(-before * 8 // 6), (before + len(content)) * 8 // 6
    return _base64(bytes(before) + content)[first:beyond]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Return *text* with one ``[redacted]`` for each run of overlapping *spans*."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    edges = [0, *(edge for span in merged for edge in span), len(text)]
    kept = [text[start:end] for start, end in list(pairwise(edges))[::2]]
    return REDACTED.join(kept)
