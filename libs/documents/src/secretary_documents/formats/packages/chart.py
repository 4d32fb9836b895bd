"""Reads the charts of Open XML files, which are parts of their own."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.packages.xml import parse_xml
from secretary_documents.formats.table_builder import TableBuilder


def add_chart(content: bytes, builder: Builder) -> None:
    """Add the title and the values of a chart as a table: a row for each category."""
    root = parse_xml(content)
    title = root.find(".//chart/title")
    if title is not None:
        builder.caption([run("".join(one.text or "" for one in title.iter("t")))])
    series = [
        (_cached(one, "tx"), _cached(one, "cat"), _cached(one, "val")) for one in root.iter("ser")
    ]
    if not series:
        return
    table = TableBuilder(builder.budget)
    table.row()
    for heading in ("", *(" ".join(names) for names, _, _ in series)):
        table.cell(heading)
    categories = max((labels for _, labels, _ in series), key=len)
    for index in range(max(len(values) for _, _, values in series)):
        table.row()
        table.cell(categories[index] if index < len(categories) else "")
        for _, _, values in series:
            table.cell(values[index] if index < len(values) else "")
    builder.table(table)


def _cached(series: Element, name: str) -> list[str]:
    """Return the values of a part of a series, which the file keeps besides their source."""
    part = series.find(name)
    points = () if part is None else part.iter("pt")
    return ["".join(one.text or "" for one in point.iter("v")) for point in points]
