"""The styles of rich text (RTF) that are headings."""

from __future__ import annotations

import re

_HEADING = re.compile(r"(?:heading|überschrift|titre) ?([1-9])", re.IGNORECASE)
_TITLES = ("title", "titel", "titre")


class HeadingStyles:
    """The levels of headings by the numbers of styles."""

    def __init__(self) -> None:
        self._levels: dict[int, int] = {}

    def learn(self, number: int, name: str) -> None:
        """Note whether the style *number* with *name* is one of headings."""
        if match := _HEADING.match(name):
            self._levels[number] = int(match[1])
        elif name.lower() in _TITLES:
            self._levels[number] = 1

    def level(self, number: int) -> int:
        """Return the level of the style *number*; 0 if it is no heading."""
        return self._levels.get(number, 0)
