"""The measures of a whole document: the size of its body text, its headings, its running lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from secretary_documents.pdf.layout.model import Box, Line

# A heading is larger than the body text by at least this factor.
HEADING_FACTOR = 1.1
HEADING_LEVELS = 4
EDGE = 0.09
"""The share of the height of a page in which running heads and feet are."""
# The body text has the largest of the sizes with about as many letters as the most common size.
# A page with few letters, such as a title page, does not show this.
_BODY_SHARE, _LEAST_LETTERS = 0.6, 500
_USUAL_PITCH = 1.2
_LARGEST_PITCH = 2.5
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")
# A line is a running head or foot if it is at the edge of at least this many sampled pages and of
# this share of them.
LEAST_REPEATS, _LEAST_SHARE = 3, 0.3
# Texts of one column begin or end at most this many points apart.
_SAME_SIDE = 3.0


@dataclass(frozen=True, slots=True)
class DocumentStyle:
    """The measures by which the lines of a page are understood."""

    body: float = 10.0
    """The font size of the body text, in points."""
    sizes: tuple[float, ...] = ()
    """The sizes that are larger than the body text, the largest first."""
    bold_share: float = 0.0
    """The share of letters of the body text that are bold."""
    mono_share: float = 0.0
    """The share of all letters that have one width."""
    pitch: float = _USUAL_PITCH
    """The distance between baselines, for each point of the font size."""
    running: frozenset[str] = frozenset()
    """Lines that are repeated at the edges of pages, with ``#`` for numbers."""
    outline: tuple[tuple[str, int], ...] = ()
    """The titles of the outline in lower case, with their levels."""

    def level(self, size: float) -> int:
        """Return the level of a heading of *size*: 1 is the highest."""
        larger = sum(one > size + 0.4 for one in self.sizes)
        return min(larger + 1, HEADING_LEVELS)

    def as_json(self) -> dict[str, Any]:
        """Return the style as JSON, for a request to a child."""
        return {
            "body": self.body,
            "sizes": list(self.sizes),
            "bold_share": self.bold_share,
            "mono_share": self.mono_share,
            "pitch": self.pitch,
            "running": sorted(self.running),
            "outline": [list(entry) for entry in self.outline],
        }

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> DocumentStyle:
        """Return the style that ``as_json`` has written."""
        return cls(
            body=float(given["body"]),
            sizes=tuple(float(size) for size in given["sizes"]),
            bold_share=float(given["bold_share"]),
            mono_share=float(given["mono_share"]),
            pitch=float(given["pitch"]),
            running=frozenset(str(line) for line in given["running"]),
            outline=tuple((str(title), int(level)) for title, level in given["outline"]),
        )


class StyleSampler:
    """Collects the lines of sampled pages."""

    def __init__(self) -> None:
        self._letters: Counter[float] = Counter()
        self._bold: Counter[float] = Counter()
        self._pitches: Counter[float] = Counter()
        self._edges: Counter[str] = Counter()
        self._mono = 0
        self._pages = 0

    def add(self, lines: Sequence[Line], height: float) -> None:
        """Add the lines of a page of *height* points."""
        self._pages += 1
        last: Line | None = None
        for line in lines:
            count = len(line.text)
            self._letters[line.size] += count
            self._bold[line.size] += count * line.bold
            self._mono += count * line.mono
            if last and last.size == line.size and line.size:
                pitch = round((line.box.bottom - last.box.bottom) / line.size, 2)
                if 0.8 <= pitch <= _LARGEST_PITCH:
                    self._pitches[pitch] += min(count, len(last.text))
            last = line
        edges = [line for line in lines if is_at_edge(line, height)]
        if len(edges) < len(lines):
            self._edges.update({running_key(line.text) for line in edges})

    def style(self, outline: Iterable[tuple[str, int]] = ()) -> DocumentStyle:
        """Return the measures of the pages that were added."""
        letters = +self._letters
        if not letters:
            return DocumentStyle(outline=tuple(outline))
        most = max(letters.values())
        share = _BODY_SHARE if letters.total() >= _LEAST_LETTERS else 1.0
        body = max(size for size in letters if letters[size] >= share * most)
        sizes = sorted((size for size in letters if size >= body * HEADING_FACTOR), reverse=True)
        least = max(LEAST_REPEATS, _LEAST_SHARE * self._pages)
        running = {key for key, count in self._edges.items() if count >= least}
        return DocumentStyle(
            body=body,
            sizes=tuple(sizes[: 2 * HEADING_LEVELS]),
            bold_share=self._bold[body] / letters[body],
            mono_share=self._mono / letters.total(),
            pitch=self._usual_pitch(),
            running=frozenset(running),
            outline=tuple(outline),
        )

    def _usual_pitch(self) -> float:
        """Return the pitch below which most letters stand: spaces between paragraphs are rarer."""
        total, seen = self._pitches.total(), 0
        for pitch in sorted(self._pitches):
            seen += self._pitches[pitch]
            if seen >= 0.5 * total:
                return pitch
        return _USUAL_PITCH


def is_at_edge(line: Line, height: float) -> bool:
    """Return whether *line* is where running heads and feet are."""
    return _is_edge(line.box, height)


def _is_edge(box: Box, height: float) -> bool:
    return box.bottom < EDGE * height or box.top > (1 - EDGE) * height


def running_on(
    places: Sequence[tuple[Box, str]], running: Collection[str], height: float
) -> frozenset[str]:
    """Return those of *running* that are running heads and feet of a page too.

    A page may list such texts below each other: the amounts of a statement, of which the last ones
    are at the edge of the page, differ only in their numbers.

    Args:
        places: the places and the texts of the page.
        running: the lines that other pages have at their edges, as ``running_key``.
        height: the height of the page.
    """
    at_edges = [
        (box, key)
        for box, text in places
        if _is_edge(box, height) and (key := running_key(text)) in running
    ]
    listed = {
        key
        for box, key in at_edges
        for other, text in places
        if other is not box
        and _are_aligned(box, other)
        and not _are_opposite(box, other, height)
        and running_key(text) == key
    }
    return frozenset(running) - listed if listed else frozenset(running)


def _are_aligned(one: Box, other: Box) -> bool:
    return min(abs(one.left - other.left), abs(one.right - other.right)) <= _SAME_SIDE


def _are_opposite(one: Box, other: Box, height: float) -> bool:
    """Return whether *other* is at the other edge of the page than *one*."""
    return _is_edge(other, height) and (one.top < height / 2) != (other.top < height / 2)


def running_key(text: str) -> str:
    """Return *text* as it is compared with the lines of other pages."""
    return _DIGITS.sub("#", " ".join(text.lower().split()))[:100]
