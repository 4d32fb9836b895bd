"""Counts the items of numbered lists, as Word shows them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from secretary_documents.formats.packages.number_form import BULLET, in_form

_PLACE = re.compile(r"%([1-9])")


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
        self._own_levels: dict[str, dict[int, _Level]] = {}
        """The levels that a list defines in place of those of its abstract list."""
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
        levels = self._levels.get(abstract, {}) | self._own_levels[number_id]
        counts = self._counts[abstract]
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
            return in_form(counts.get(at, of.start), of.form)

        return _PLACE.sub(shown, own.text).strip() or BULLET

    def _read(self, root: Element) -> None:
        of_styles: dict[str, dict[int, _Level]] = {}
        for one in root.iter("abstractNum"):
            levels = _levels(one)
            self._levels[one.get("abstractNumId", "")] = levels
            if levels and (style := one.find("styleLink")) is not None:
                of_styles[style.get("val", "")] = levels
        for one in root.iter("abstractNum"):  # a list whose levels are those of a style
            if (style := one.find("numStyleLink")) is not None:
                levels = of_styles.get(style.get("val", ""), {})
                self._levels[one.get("abstractNumId", "")] = levels
        for one in root.iter("num"):
            abstract = one.find("abstractNumId")
            if abstract is not None:
                self._abstract[one.get("numId", "")] = abstract.get("val", "")
                self._starts[one.get("numId", "")] = dict(_starts(one))
                self._own_levels[one.get("numId", "")] = _levels(one)


def _starts(number: Element) -> Iterator[tuple[int, int]]:
    """Yield the levels of the list *number* that start again, with the number of the first item."""
    for one in number.iter("lvlOverride"):
        start, level = one.find("startOverride"), one.get("ilvl", "0")
        value = "" if start is None else start.get("val", "")
        if value.isdecimal() and level.isdecimal():
            yield int(level), int(value)


def _levels(element: Element) -> dict[int, _Level]:
    return {int(one.get("ilvl", "0")): _level(one) for one in element.iter("lvl")}


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
