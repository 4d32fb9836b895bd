"""Counts the items of numbered lists, as Word shows them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

_PLACE = re.compile(r"%([1-9])")
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_LARGEST_ROMAN = 4999
_LETTERS = 26
_MOST_LETTERS = 5
BULLET = "•"


@dataclass(frozen=True, slots=True)
class _Level:
    form: str = "bullet"
    text: str = ""
    start: int = 1


class Numbering:
    """The lists of one document, with the count of their items so far."""

    def __init__(self, root: Element | None) -> None:
        """*root*: the root of ``numbering.xml``, if there is one."""
        self._levels: dict[str, dict[int, _Level]] = {}
        self._abstract: dict[str, str] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        self._starts: dict[str, dict[int, int]] = {}
        """The levels of a list that start again, and at which number."""
        self._started: set[tuple[str, int]] = set()
        if root is not None:
            self._read(root)

    def marker(self, number_id: str | None, level: int) -> str | None:
        """Count the next item of a list; return its bullet or number, or None if it has none."""
        abstract = self._abstract.get(number_id or "")
        if number_id is None or abstract is None:
            return None
        levels, counts = self._levels.get(abstract, {}), self._counts[abstract]
        own = levels.get(level, _Level())
        start = self._starts[number_id].get(level)
        if start is not None and (number_id, level) not in self._started:
            self._started.add((number_id, level))
            counts.pop(level, None)
        counts[level] = counts.get(level, (own.start if start is None else start) - 1) + 1
        for deeper in [one for one in counts if one > level]:
            del counts[deeper]
        if own.form == "none":
            return None
        if own.form == "bullet" or "%" not in own.text:
            return BULLET

        def shown(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            of = levels.get(at, _Level())
            return _written(counts.get(at, of.start), of.form)

        return _PLACE.sub(shown, own.text).strip() or BULLET

    def _read(self, root: Element) -> None:
        for one in root.iter("abstractNum"):
            levels = {int(level.get("ilvl", "0")): _level(level) for level in one.iter("lvl")}
            self._levels[one.get("abstractNumId", "")] = levels
        for one in root.iter("num"):
            abstract = one.find("abstractNumId")
            if abstract is not None:
                self._abstract[one.get("numId", "")] = abstract.get("val", "")
                self._starts[one.get("numId", "")] = dict(_starts(one))


def _starts(number: Element) -> Iterator[tuple[int, int]]:
    """Yield the levels of the list *number* that start again, with the number of the first item."""
    for one in number.iter("lvlOverride"):
        start, level = one.find("startOverride"), one.get("ilvl", "0")
        value = "" if start is None else start.get("val", "")
        if value.isdecimal() and level.isdecimal():
            yield int(level), int(value)


def _level(element: Element) -> _Level:
    values = {}
    for name in ("numFmt", "lvlText", "start"):
        found = element.find(name)
        values[name] = "" if found is None else found.get("val", "")
    start = values["start"]
    return _Level(
        values["numFmt"] or "decimal",
        values["lvlText"],
        int(start) if start.isdecimal() else 1,
    )


def _written(number: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter") and number > 0:
        letter = chr(ord("a") + (number - 1) % _LETTERS)
        written = letter * min((number - 1) // _LETTERS + 1, _MOST_LETTERS)
    elif form in ("lowerRoman", "upperRoman") and 0 < number <= _LARGEST_ROMAN:
        written = _roman(number)
    else:
        return str(number)
    return written.upper() if form.startswith("upper") else written


def _roman(number: int) -> str:
    written = ""
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        written += letters * times
    return written
