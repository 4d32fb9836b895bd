"""The styles of a Word document: which paragraphs are headings, captions, code or items."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from secretary_documents.formats.packages.open_xml import is_on
from secretary_documents.pdf.layout.model import Markup

_HEADING = re.compile(r"(?:heading|titre|überschrift) ?([1-9])")
_DEEPER = re.compile(r"list (?:bullet|number|continue) ([2-9])")
_CODE = ("html preformatted", "source code", "code", "verbatim", "preformatted text", "macro text")
_CODE_IN_LINES = ("html code", "html typewriter", "source text", "verbatim char", "inline code")
_MARKS = (("b", Markup.BOLD), ("i", Markup.ITALIC))
_MOST_BASES = 20
_LEVELS = 9


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """What the style of a paragraph says about its kind."""

    name: str = ""
    heading: int = 0
    """The level of a heading, from 1; 0: no heading."""
    number_id: str | None = None
    level: int = 0
    """The level in the list of ``number_id``, from 0."""
    depth: int = 0
    """The depth of items, from 0."""

    @property
    def is_caption(self) -> bool:
        """Whether paragraphs are captions."""
        return self.name == "caption"

    @property
    def is_code(self) -> bool:
        """Whether paragraphs are lines of code."""
        return self.name in _CODE


class Styles:
    """The paragraph styles of one document by their ids."""

    def __init__(self, root: Element | None) -> None:
        """*root*: the root of ``styles.xml``, if there is one."""
        elements = () if root is None else root.iter("style")
        self._elements = {one.get("styleId", ""): one for one in elements}
        self._known: dict[str, ParagraphStyle] = {}
        self._markup: dict[str, Markup] = {}

    def style(self, style_id: str) -> ParagraphStyle:
        """Return the style with the id *style_id*."""
        if style_id not in self._known:
            self._known[style_id] = self._read(style_id)
        return self._known[style_id]

    def markup(self, properties: Element | None) -> Markup:
        """Return the markup of a run: its own, and that of its style."""
        if properties is None:
            return Markup.NONE
        named = properties.find("rStyle")
        style_id = "" if named is None else named.get("val", "")
        if style_id not in self._markup:
            self._markup[style_id] = self._markup_of_style(style_id)
        return _changed(self._markup[style_id], properties)

    def is_hidden(self, properties: Element | None) -> bool:
        """Return whether a run with *properties* is not shown: by its own, or by its style."""
        if properties is None:
            return False
        named = properties.find("rStyle")
        styles = () if named is None else self._with_bases(named.get("val", ""))
        marks = (properties, *(style.find("rPr") for style in styles))
        found = (None if one is None else one.find("vanish") for one in marks)
        return next((is_on(one) for one in found if one is not None), False)

    def _markup_of_style(self, style_id: str) -> Markup:
        found = Markup.NONE
        for element in reversed(self._with_bases(style_id)):
            if _name(element) in (*_CODE, *_CODE_IN_LINES):
                found |= Markup.CODE
            found = _changed(found, element.find("rPr"))
        return found

    def _read(self, style_id: str) -> ParagraphStyle:
        name, heading, number_id, level = "", 0, None, 0
        for element in self._with_bases(style_id):
            own = _name(element)
            name = name or own
            properties = element.find("pPr")
            heading = heading or _heading(own, properties)
            number = None if properties is None else properties.find("numPr")
            if number is not None and number_id is None:
                number_id, level = number_of(number)
        # Word's own styles of deeper items are lists of one level.
        match = _DEEPER.match(name)
        depth = int(match[1]) - 1 if match else level
        return ParagraphStyle(name, heading, number_id, level, depth)

    def _with_bases(self, style_id: str) -> list[Element]:
        found: list[Element] = []
        while (element := self._elements.get(style_id)) is not None and len(found) < _MOST_BASES:
            found.append(element)
            base = element.find("basedOn")
            style_id = "" if base is None else base.get("val", "")
        return found


def _changed(markup: Markup, properties: Element | None) -> Markup:
    """Return *markup* after *properties* of a run have switched some of it on or off."""
    for tag, mark in _MARKS:
        found = None if properties is None else properties.find(tag)
        if found is not None:
            markup = markup | mark if is_on(found) else markup & ~mark
    return markup


def _name(element: Element) -> str:
    name = element.find("name")
    return "" if name is None else name.get("val", "").lower()


def _heading(name: str, properties: Element | None) -> int:
    if outline := outline_level(properties):
        return outline
    if match := _HEADING.match(name):
        return int(match[1])
    return 1 if name == "title" else 0


def outline_level(properties: Element | None) -> int:
    """Return the level of a heading that the properties of a paragraph give; 0 if none."""
    outline = None if properties is None else properties.find("outlineLvl")
    level = -1 if outline is None else int(outline.get("val", "9"))
    return level + 1 if 0 <= level < _LEVELS else 0


def number_of(number: Element) -> tuple[str | None, int]:
    """Return the list and the level of a ``numPr``."""
    number_id, level = number.find("numId"), number.find("ilvl")
    return (
        None if number_id is None else number_id.get("val"),
        0 if level is None else int(level.get("val", "0")),
    )
