"""Reads the charts of Open XML files, which are parts of their own."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.packages.xml import parse_xml
from secretary_documents.formats.table_builder import TableBuilder

Points = dict[int, str]
"""Values by their places. Empty cells of the source have none."""


@dataclass(frozen=True, slots=True)
class _Series:
    name: str
    labels: Points
    values: Points
    has_own_labels: bool
    """Whether its labels are numbers on an axis, so that other series may have others."""


def add_chart(content: bytes, builder: Builder) -> None:
    """Add the title and the values of a chart as a table: a row for each category.

    Series of points whose first coordinates differ have a table each.
    """
    root = parse_xml(content)
    title = root.find(".//chart/title")
    if title is not None:
        texts = (one.text or "" for one in title.iter() if one.tag in ("t", "v"))
        builder.caption([run("".join(texts))])
    series = [_series_of(one) for one in root.iter("ser")]
    differ = any(one.has_own_labels and one.labels != series[0].labels for one in series)
    for shown in [[one] for one in series] if differ else [series] if series else []:
        builder.table(_table(shown, builder))


def _table(series: Sequence[_Series], builder: Builder) -> TableBuilder:
    table = TableBuilder(builder.budget)
    table.row()
    for heading in ("", *(one.name for one in series)):
        table.cell(heading)
    labels = max((one.labels for one in series), key=len)
    places = [*labels, *(place for one in series for place in one.values)]
    for place in range(max(places, default=-1) + 1):
        table.row()
        table.cell(labels.get(place, ""))
        for one in series:
            table.cell(one.values.get(place, ""))
    return table


def _series_of(element: Element) -> _Series:
    name, axis = element.find("tx"), element.find("xVal")
    names = () if name is None else name.iter("v")
    values = element.find("val")
    return _Series(
        " ".join(one.text or "" for one in names),
        _labels(element.find("cat") if axis is None else axis),
        _points(element.find("yVal") if values is None else values),
        axis is not None,
    )


def _labels(part: Element | None) -> Points:
    """Return the categories; a label of an outer level stands before those that it groups."""
    levels = [] if part is None else list(part.iter("lvl"))
    found = _points(levels[0] if levels else part)
    for level in levels[1:]:
        outer = _points(level)
        starts = sorted(outer)
        for place, label in found.items():
            if group := bisect_right(starts, place):
                found[place] = f"{outer[starts[group - 1]]} {label}"
    return found


def _points(part: Element | None) -> Points:
    """Return the values of a part of a series, which the file keeps besides their source."""
    found: Points = {}
    for point in () if part is None else part.iter("pt"):
        place = point.get("idx", "")
        text = "".join(one.text or "" for one in point.iter("v"))
        found[int(place) if place.isdecimal() else len(found)] = text
    return found
