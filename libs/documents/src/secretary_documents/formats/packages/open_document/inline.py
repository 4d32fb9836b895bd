"""Reads the text of one paragraph of an OpenDocument file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import run
from secretary_documents.pdf.layout.model import Markup, Span

_MOST_BLANKS = 100
SHAPES = frozenset(
    {
        *("frame", "custom-shape", "rect", "ellipse", "circle", "line", "connector", "polygon"),
        *("path", "polyline", "regular-polygon", "caption", "measure"),
    }
)
"""The elements that hold pictures, objects, tables or text of their own."""
# Readings of Japanese words are left out too.
_NOT_SHOWN = SHAPES | {"tracked-changes", "annotation", "annotation-end", "forms", "ruby-text"}
_OF_GROUP = ("title", "desc")
"""What programs read aloud of a group of shapes. In a paragraph a ``title`` is a field."""

MarkupOf = Callable[[Element], Markup | None]
"""Returns the markup of a ``span``; None if it is hidden."""


def _no_markup(_: Element) -> Markup:
    return Markup.NONE


def runs_in(
    element: Element,
    markup_of: MarkupOf = _no_markup,
    link: str | None = None,
    markup: Markup = Markup.NONE,
) -> Iterator[Span]:
    """Yield the text in *element*. Notes become their marks, and shapes are left out."""
    if element.text:
        yield run(_blanks(element.text), link=link, markup=markup)
    for child in element:
        if child.tag == "a":
            yield from runs_in(child, markup_of, child.get("href"), markup)
        elif (text := _character(child)) is not None:
            yield run(text, link=link, markup=markup)
        elif child.tag not in _NOT_SHOWN and not (element.tag == "g" and child.tag in _OF_GROUP):
            own = markup_of(child) if child.tag == "span" else Markup.NONE
            if own is not None:
                yield from runs_in(child, markup_of, link, markup | own)
        if child.tail:
            yield run(_blanks(child.tail), link=link, markup=markup)


def shapes_in(element: Element) -> Iterator[Element]:
    """Yield the shapes in *element*, but not those inside of other shapes."""
    for child in element:
        if child.tag in SHAPES:
            yield child
        elif child.tag not in _NOT_SHOWN:
            yield from shapes_in(child)


def notes_in(element: Element) -> Iterator[Element]:
    """Yield the footnotes and endnotes in *element*, but not those inside of shapes."""
    for child in element:
        if child.tag == "note":
            yield child
        elif child.tag not in _NOT_SHOWN:
            yield from notes_in(child)


def plain_text(paragraphs: Iterator[Element]) -> str:
    """Return the text of *paragraphs* without links, with blanks between them."""
    texts = ("".join(span.text for span in runs_in(one)) for one in paragraphs)
    return " ".join(filter(None, texts)).replace("\n", " ")


def _character(element: Element) -> str | None:
    """Return the text for which *element* stands; None if its text is inside of it."""
    if element.tag == "s":
        return " " * min(int(element.get("c", "1")), _MOST_BLANKS)
    if element.tag == "note":
        citation = element.find("note-citation")
        return "" if citation is None else f"[{citation.text or ''}]"
    return {"tab": "\t", "line-break": "\n"}.get(element.tag)


def _blanks(text: str) -> str:
    """Return *text* with blanks for line ends, which mean nothing in the file."""
    return text.replace("\n", " ").replace("\r", " ").replace("\t", " ")
