"""Reads PowerPoint presentations (pptx): each slide is a page, with its notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.packages.archive import Archive
from secretary_documents.formats.packages.chart import add_chart
from secretary_documents.formats.packages.diagram import add_diagram
from secretary_documents.formats.packages.formula import formula_text, formulas_in
from secretary_documents.formats.packages.number_form import in_form
from secretary_documents.formats.packages.open_xml import (
    Target,
    add_properties,
    main_part,
    relationships_of,
)
from secretary_documents.formats.packages.xml import parse_xml
from secretary_documents.formats.table_builder import TableBuilder
from secretary_documents.pdf.layout.model import Kind, Markup, Span

_TITLES = ("title", "ctrTitle")
_RUNNING = {"dt": Kind.FOOTER, "ftr": Kind.FOOTER, "sldNum": Kind.FOOTER, "hdr": Kind.HEADER}
_BULLETS = ("buChar", "buAutoNum", "buBlip")
# By the start of the kind of numbers.
_FORMS = {
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
}
_BREAKS = {"br": "\n", "tab": "\t"}


def read_slides(path: str, builder: Builder) -> None:
    """Read the presentation at *path* into *builder*."""
    archive = Archive(path, builder.limits)
    add_properties(archive, builder)
    part = main_part(archive, "ppt/presentation.xml")
    targets = relationships_of(archive, part)
    for slide in parse_xml(archive.read(part)).iter("sldId"):
        target = targets.get(slide.get("r:id", ""))
        if target and target.name in archive:
            SlideReader(archive, target.name, builder).read()


class SlideReader:
    """Reads one slide."""

    def __init__(self, archive: Archive, part: str, builder: Builder) -> None:
        self._archive = archive
        self._builder = builder
        self._root = parse_xml(archive.read(part))
        self._targets = relationships_of(archive, part)

    def read(self) -> None:
        """Read the slide: its title, then the other shapes in their order, then its notes."""
        shapes = list(_shapes(self._root.find(".//spTree")))
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        self._builder.start_page(_text(titles[0]) if titles else None)
        for shape in titles:
            self._builder.heading([run(_text(shape))], 1)
        for shape in shapes:
            if shape not in titles:
                self._shape(shape)
        self._notes()

    def _shape(self, shape: Element) -> None:
        if shape.tag == "pic":
            self._picture(shape)
        elif shape.tag == "graphicFrame":
            for table in shape.iter("tbl"):
                self._builder.table(_table(table, self._builder, self._targets))
            self._drawn(shape)
        elif kind := _RUNNING.get(_placeholder(shape) or ""):
            self._builder.running(kind, [run(_text(shape))])
        else:
            self._paragraphs(shape)

    def _paragraphs(self, shape: Element) -> None:
        is_body = _placeholder(shape) in ("body", "obj")
        numbers: dict[int, int] = {}  # of the last items, by depth
        for paragraph in shape.iter("p"):
            runs = list(_runs(paragraph, self._targets))
            if not any(one.text.strip() for one in runs):
                continue
            properties = paragraph.find("pPr")
            depth = 0 if properties is None else int(properties.get("lvl", "0"))
            start = _first_number(properties)
            numbers = {at: number for at, number in numbers.items() if at <= depth}
            if start is None:
                numbers.pop(depth, None)
            else:
                numbers[depth] = numbers.get(depth, start - 1) + 1
            if _is_item(properties, is_body=is_body):
                marker = "•" if start is None else _numbered(properties, numbers[depth])
                self._builder.item(runs, depth=depth, marker=marker)
            else:
                self._builder.paragraph(runs)

    def _picture(self, shape: Element) -> None:
        blip, named = shape.find(".//blip"), shape.find(".//cNvPr")
        target = None if blip is None else self._targets.get(blip.get("r:embed", ""))
        if target and not target.external and target.name in self._archive:
            text = "" if named is None else named.get("descr", "")
            self._builder.picture(partial(self._archive.read, target.name), text)

    def _drawn(self, shape: Element) -> None:
        """Add the values of a chart, and the texts of a diagram."""
        for reference in shape.iter("chart"):
            target = self._targets.get(reference.get("r:id", ""))
            if target and not target.external and target.name in self._archive:
                add_chart(self._archive.read(target.name), self._builder)
        for reference in shape.iter("relIds"):
            target = self._targets.get(reference.get("r:dm", ""))
            if target and not target.external and target.name in self._archive:
                add_diagram(self._archive.read(target.name), self._builder)

    def _notes(self) -> None:
        for target in self._targets.values():
            if target.kind == "notesSlide" and target.name in self._archive:
                tree = parse_xml(self._archive.read(target.name)).find(".//spTree")
                shapes = [one for one in _shapes(tree) if _placeholder(one) == "body"]
                if any(_text(shape) for shape in shapes):
                    self._builder.heading([run("Notes")], 3)
                for shape in shapes:
                    for paragraph in shape.iter("p"):
                        self._builder.paragraph(_runs(paragraph, {}))


def _shapes(tree: Element | None) -> Iterator[Element]:
    """Yield the shapes in *tree*, with those in groups."""
    for child in () if tree is None else tree:
        if child.tag == "grpSp":
            yield from _shapes(child)
        elif child.tag == "AlternateContent":
            yield from _shapes(child.find("Choice"))
        elif child.tag in ("sp", "pic", "graphicFrame", "cxnSp"):
            yield child


def _placeholder(shape: Element) -> str | None:
    """Return the type of the placeholder that *shape* fills; None if it fills none."""
    found = shape.find("./nvSpPr/nvPr/ph")
    return None if found is None else found.get("type", "obj")


def _first_number(properties: Element | None) -> int | None:
    """Return the number of the first item of a paragraph's list; None if it has no numbers."""
    found = None if properties is None else properties.find("buAutoNum")
    if found is None:
        return None
    start = found.get("startAt", "")
    return int(start) if start.isdecimal() else 1


def _numbered(properties: Element | None, number: int) -> str:
    """Return *number* as the paragraph shows it, such as ``1.`` or ``b)``."""
    found = None if properties is None else properties.find("buAutoNum")
    kind = "" if found is None else found.get("type", "")
    form = next((form for start, form in _FORMS.items() if kind.startswith(start)), "decimal")
    written = in_form(number, form)
    if kind.endswith("ParenBoth"):
        return f"({written})"
    return f"{written})" if kind.endswith("ParenR") else f"{written}."


def _is_item(properties: Element | None, *, is_body: bool) -> bool:
    """Return whether a paragraph has a bullet; the body of a slide has bullets by default."""
    if properties is None:
        return is_body
    if any(properties.find(name) is not None for name in _BULLETS):
        return True
    return is_body and properties.find("buNone") is None


def _runs(paragraph: Element, targets: dict[str, Target]) -> Iterator[Span]:
    for child in paragraph:
        if child.tag in ("r", "fld"):
            text = child.find("t")
            link = child.find("./rPr/hlinkClick")
            target = None if link is None else targets.get(link.get("r:id", ""))
            address = target.name if target and target.external else None
            written = "" if text is None else text.text or ""
            yield run(written, link=address, markup=_markup(child.find("rPr")))
        elif child.tag in _BREAKS:
            yield run(_BREAKS[child.tag])
        elif child.tag in ("AlternateContent", "m", "oMathPara"):
            yield run(" ".join(map(formula_text, formulas_in(child))))


def _markup(properties: Element | None) -> Markup:
    found = Markup.NONE
    for name, mark in (("b", Markup.BOLD), ("i", Markup.ITALIC)):
        if properties is not None and properties.get(name) in ("1", "true"):
            found |= mark
    return found


def _text(shape: Element) -> str:
    paragraphs = ("".join(one.text for one in _runs(item, {})) for item in shape.iter("p"))
    return " ".join(filter(None, paragraphs)).replace("\n", " ")


def _table(element: Element, builder: Builder, targets: dict[str, Target]) -> TableBuilder:
    table = TableBuilder(builder.budget)
    for row in element.iter("tr"):
        table.row()
        for cell in row.iter("tc"):
            if cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true"):
                continue  # a part of the cell at its left or above it
            table.cell(
                _cell_text(cell.iter("p"), targets),
                row_span=int(cell.get("rowSpan", "1")),
                column_span=int(cell.get("gridSpan", "1")),
            )
    return table


def _cell_text(paragraphs: Iterable[Element], targets: dict[str, Target]) -> str:
    return " ".join("".join(one.text for one in _runs(item, targets)) for item in paragraphs)
