"""Reads the text of one paragraph of Word: runs, links, fields, notes and pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import run
from secretary_documents.formats.packages.formula import formula_text
from secretary_documents.formats.packages.open_xml import Target
from secretary_documents.pdf.layout.model import Markup, Span

_TEXTS = {
    "tab": "\t",
    "br": "\n",
    "cr": "\n",
    "noBreakHyphen": "\N{NON-BREAKING HYPHEN}",
    "ptab": "\t",
}
# Text that was deleted or moved away, instructions of fields, and readings of Japanese words.
_SKIPPED = frozenset({"del", "moveFrom", "instrText", "delText", "rt", "pPr", "rPr", "Fallback"})
_NOTES = {"footnoteReference": "footnote", "endnoteReference": "endnote"}
_LINK = re.compile(r'\s{0,9}HYPERLINK\s{1,9}"([^"]{1,2000})"')
_SURROGATES, _PRIVATE = range(0xD800, 0xE000), range(0xE000, 0xF900)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a paragraph."""

    target: Target
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in a paragraph."""

    target: Target


@dataclass(frozen=True, slots=True)
class Diagram:
    """A diagram (SmartArt) in a paragraph."""

    target: Target


@dataclass(frozen=True, slots=True)
class Embedded:
    """The element of a text box in a paragraph, whose paragraphs follow."""

    element: Element


@dataclass(frozen=True, slots=True)
class PageBreak:
    """The start of a page, as the file marks it."""


Piece = Span | Picture | Chart | Diagram | Embedded | PageBreak
MarkNote = Callable[[str, str], str]
"""Gets the kind and the id of a note, and returns its mark in the text."""


@dataclass(frozen=True, slots=True)
class References:
    """What the text of paragraphs refers to."""

    targets: dict[str, Target]
    mark_note: MarkNote
    markup_of: Callable[[Element | None], Markup]
    """Returns the markup of a run by its properties."""
    is_hidden: Callable[[Element | None], bool]
    """Returns whether a run with these properties is not shown."""


def pieces_of(element: Element, references: References, link: str | None = None) -> Iterator[Piece]:
    """Yield the text and the other pieces in *element*, a paragraph or a part of it."""
    fields = _Fields()
    for child in element:
        if child.tag in _SKIPPED:
            continue
        if child.tag == "r":
            fields.take(child)
            if not references.is_hidden(child.find("rPr")):
                yield from _pieces_of_run(child, references, fields.link or link)
        elif child.tag == "fldSimple":
            yield from pieces_of(child, references, _link_in(child.get("instr", "")) or link)
        elif child.tag == "hyperlink":
            target = references.targets.get(child.get("r:id", ""))
            address = target.name if target and target.external else link
            yield from pieces_of(child, references, address)
        elif child.tag == "oMath":
            yield run(formula_text(child), link=link)
        else:
            yield from pieces_of(child, references, link)


class _Fields:
    """The open fields of a paragraph, which begin and end in runs (``fldChar``)."""

    def __init__(self) -> None:
        self._instructions: list[str] = []

    @property
    def link(self) -> str | None:
        """The address to which the innermost field leads; None if it is no link."""
        return _link_in(self._instructions[-1]) if self._instructions else None

    def take(self, element: Element) -> None:
        """Take a run, in which fields may begin, be instructed or end."""
        for child in element:
            if child.tag == "instrText" and self._instructions:
                self._instructions[-1] += child.text or ""
            elif child.tag == "fldChar" and child.get("fldCharType") == "begin":
                self._instructions.append("")
            elif child.tag == "fldChar" and child.get("fldCharType") == "end":
                del self._instructions[-1:]


def _link_in(instruction: str) -> str | None:
    match = _LINK.match(instruction)
    return match[1] if match else None


def _pieces_of_run(element: Element, references: References, link: str | None) -> Iterator[Piece]:
    markup = references.markup_of(element.find("rPr"))
    for child in element:
        tag = child.tag
        if tag == "lastRenderedPageBreak" or (tag == "br" and child.get("type") == "page"):
            yield PageBreak()
        elif (text := _text_of(child)) is not None:
            yield run(text, link=link, markup=markup)
        elif tag in _NOTES:
            yield run(references.mark_note(_NOTES[tag], child.get("id", "")))
        elif tag in ("drawing", "pict", "object", "AlternateContent"):
            yield from _drawn(child, references.targets)
        elif tag not in _SKIPPED:
            yield from pieces_of(child, references, link)


def _text_of(element: Element) -> str | None:
    """Return the text for which *element* of a run stands; None if it stands for none."""
    if element.tag == "t":
        return element.text or ""
    return _symbol(element) if element.tag == "sym" else _TEXTS.get(element.tag)


def _drawn(element: Element, targets: dict[str, Target]) -> Iterator[Piece]:
    """Yield the pictures, the charts, the diagrams and the text boxes in a drawing."""
    described = element.find(".//docPr")
    text = "" if described is None else described.get("descr", "")
    for one in _shown(element):
        if one.tag in ("blip", "imagedata"):
            target = targets.get(one.get("r:embed") or one.get("r:id") or "")
            if target and not target.external:
                yield Picture(target, text)
        elif one.tag == "chart" and (chart := targets.get(one.get("r:id", ""))):
            yield Chart(chart)
        elif one.tag == "relIds" and (diagram := targets.get(one.get("r:dm", ""))):
            yield Diagram(diagram)
        elif one.tag == "txbxContent":
            yield Embedded(one)


def _shown(element: Element) -> Iterator[Element]:
    """Yield the elements of a drawing. A text box is not entered: its blocks are read later."""
    yield element
    if element.tag == "txbxContent":
        return
    chosen = element.find("Choice") if element.tag == "AlternateContent" else None
    for child in element if chosen is None else (chosen,):
        yield from _shown(child)


def _symbol(element: Element) -> str:
    """Return the character of a symbol; symbol fonts have theirs in the private area."""
    try:
        code = int(element.get("char", ""), 16)
        character = chr(code)
    except (ValueError, OverflowError):
        return ""
    if code in _PRIVATE:
        return BULLETS.get(code, "")
    return "" if code in _SURROGATES else character


BULLETS = {
    0xF0B7: "•",
    0xF0A7: "▪",
    0xF0FC: "✓",
    0xF0E0: "→",
    0xF0D8: "➢",
    0xF0A8: "☐",
    0xF0FE: "☒",
}
"""Frequent characters of the fonts Symbol and Wingdings."""
