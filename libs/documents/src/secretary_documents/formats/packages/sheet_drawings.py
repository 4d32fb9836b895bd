"""Finds what is drawn on the sheets of an Excel workbook (xlsx): pictures, charts, text boxes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.packages.archive import Archive
from secretary_documents.formats.packages.chart import add_chart
from secretary_documents.formats.packages.diagram import add_diagram
from secretary_documents.formats.packages.open_xml import Target, main_part, relationships_of
from secretary_documents.formats.packages.xml import parse_xml

_USUAL = "xl/workbook.xml"


class SheetDrawings:
    """The drawings of a workbook by the names of its sheets."""

    def __init__(self, archive: Archive) -> None:
        """*archive*: a workbook of any kind; only xlsx files have drawings here."""
        self._archive = archive
        self._parts: dict[str, str] = {}
        part = main_part(archive, _USUAL)
        if part in archive and part.endswith(".xml"):
            targets = relationships_of(archive, part)
            for sheet in parse_xml(archive.read(part)).iter("sheet"):
                if target := targets.get(sheet.get("r:id", "")):
                    self._parts[sheet.get("name", "")] = target.name

    def add_to(self, builder: Builder, sheet: str) -> None:
        """Add what is drawn on *sheet* to the current page."""
        for drawing in self._found(self._parts.get(sheet, ""), "drawing"):
            for picture in self._found(drawing, "image"):
                builder.picture(partial(self._archive.read, picture))
            for chart in self._found(drawing, "chart"):
                add_chart(self._archive.read(chart), builder)
            for diagram in self._found(drawing, "diagramData"):
                add_diagram(self._archive.read(diagram), builder)
            for paragraph in _paragraphs_in(parse_xml(self._archive.read(drawing))):
                builder.paragraph([run("".join(one.text or "" for one in paragraph.iter("t")))])

    def _found(self, part: str, kind: str) -> Iterator[str]:
        """Yield the names of the parts of *kind* to which *part* refers."""
        targets: dict[str, Target] = relationships_of(self._archive, part) if part else {}
        for target in targets.values():
            if target.kind == kind and not target.external and target.name in self._archive:
                yield target.name


def _paragraphs_in(element: Element) -> Iterator[Element]:
    """Yield the paragraphs of the text boxes in *element*, each text box once."""
    for child in element:
        if child.tag == "txBody":
            yield from child.iter("p")
        elif child.tag != "Fallback":  # the same for older programs
            yield from _paragraphs_in(child)
