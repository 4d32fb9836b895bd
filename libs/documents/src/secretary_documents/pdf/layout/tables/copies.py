"""Leaves out texts that a page draws again at the same place, to look bold. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import product
from typing import Protocol, TypeVar

from secretary_documents.pdf.layout.model import Box

_OFFSET = 0.1
"""Copies of a text are at most this many font sizes apart."""
_STEP = 2.0
"""The least side of the squares in which copies are looked for, in points."""
_AROUND = list(product((-1, 0, 1), repeat=2))
"""The squares around a square, and the square itself."""


class Drawn(Protocol):
    """A text with its place on the page."""

    @property
    def box(self) -> Box:
        """The place on the page."""
        ...

    @property
    def text(self) -> str:
        """The text."""
        ...


Part = TypeVar("Part", bound=Drawn)


def without_copies(parts: Iterable[Part], size_of: Callable[[Part], float]) -> list[Part]:
    """Return *parts* in their order; a text that stands several times at one place is there once.

    *size_of*: returns the font size of a part in points.
    """
    given = list(parts)
    counts = Counter(part.text for part in given)
    if len(counts) == len(given):
        return given
    kept: list[Part] = []
    places: dict[tuple[str, float, float], list[Box]] = {}
    for part in given:
        if counts[part.text] == 1:
            kept.append(part)
            continue
        most = _OFFSET * size_of(part)
        step = max(_STEP, most)
        x, y = part.box.left // step, part.box.top // step
        near = (places.get((part.text, x + right, y + down), ()) for right, down in _AROUND)
        if not any(_is_close(part.box, box, most) for boxes in near for box in boxes):
            kept.append(part)
            places.setdefault((part.text, x, y), []).append(part.box)
    return kept


def _is_close(one: Box, other: Box, most: float) -> bool:
    return all(abs(side - same) <= most for side, same in zip(one, other, strict=True))
