"""The styles of an OpenDocument file, as far as they say what a paragraph is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from secretary_documents.formats.packages.number_form import BULLET, FORMS, in_form
from secretary_documents.pdf.layout.model import Markup

_CODE = ("Preformatted", "Source_20_Code", "Code")
_CODE_IN_LINES = ("Source_20_Text", "Teletype", "User_20_Entry")
_CHARACTERS = {"Strong_20_Emphasis": Markup.BOLD, "Emphasis": Markup.ITALIC} | dict.fromkeys(
    _CODE_IN_LINES, Markup.CODE
)
_BOLD = ("bold", "600", "700", "800", "900")
_CAPTIONS = frozenset({"Caption", "Table", "Illustration", "Figure"})


@dataclass(frozen=True, slots=True)
class ListLevel:
    """A level of a list style."""

    form: str = ""
    """The form of its numbers; empty: bullets."""
    suffix: str = "."
    start: int = 1
    """The number of the first item."""

    def marker(self, number: int) -> str:
        """Return the bullet or the number of an item."""
        return f"{in_form(number, self.form)}{self.suffix}" if self.form else BULLET


class Styles:
    """The styles of the parts ``content.xml`` and ``styles.xml``."""

    def __init__(self, roots: Iterable[Element]) -> None:
        """*roots*: the root elements of the parts."""
        self._parents: dict[str, str] = {}
        self._breaks: dict[str, set[str]] = {"break-before": set(), "break-after": set()}
        self._lists: dict[str, dict[int, ListLevel]] = {}
        self._markup = dict(_CHARACTERS)
        self._hidden: set[str] = set()
        for root in roots:
            for one in root.iter("style"):
                self._add(one)
            for one in root.iter("list-style"):
                levels = {int(level.get("level", "1")): _level_of(level) for level in one}
                self._lists[one.get("name", "")] = levels

    def _add(self, style: Element) -> None:
        name = style.get("name", "")
        self._parents[name] = style.get("parent-style-name", "")
        if style.get("family") == "text":
            self._markup[name] = self._markup.get(name, Markup.NONE) | _markup_of(style)
        if style.get("master-page-name"):  # another kind of page begins there
            self._breaks["break-before"].add(name)
        for properties in style:
            if properties.tag == "text-properties" and properties.get("display") == "none":
                self._hidden.add(name)
            for place, names in self._breaks.items():
                if properties.get(place) == "page":
                    names.add(name)

    def _names(self, element: Element) -> set[str]:
        name = element.get("style-name", "")
        return {name, self._parents.get(name, "")}

    def breaks_page(self, element: Element, place: str) -> bool:
        """Return whether a page ends at *element*; *place*: ``break-before`` or ``break-after``."""
        return bool(self._names(element) & self._breaks[place])

    def is_hidden(self, element: Element) -> bool:
        """Return whether the text of the paragraph or ``span`` *element* is hidden."""
        return bool(self._names(element) & self._hidden)

    def markup(self, element: Element) -> Markup | None:
        """Return the markup of the ``span`` *element*; None if it is hidden."""
        if self.is_hidden(element):
            return None
        found = Markup.NONE
        for name in self._names(element):
            found |= self._markup.get(name, Markup.NONE)
        return found

    def list_level(self, name: str, depth: int) -> ListLevel:
        """Return the level of the list style *name* for items at *depth*, from 0."""
        levels = self._lists.get(name, {})
        return levels.get(depth + 1) or levels.get(1) or ListLevel()

    def is_code(self, element: Element) -> bool:
        """Return whether the paragraph *element* is code."""
        return any(name.startswith(_CODE) for name in self._names(element))

    def is_title(self, element: Element) -> bool:
        """Return whether the paragraph *element* is the title of the document."""
        return "Title" in self._names(element)

    def is_caption(self, element: Element) -> bool:
        """Return whether the paragraph *element* is a caption."""
        return bool(self._names(element) & _CAPTIONS)


def _level_of(element: Element) -> ListLevel:
    form = element.get("num-format", "1")
    if element.tag != "list-level-style-number" or not form:
        return ListLevel()
    start = element.get("start-value", "")
    return ListLevel(
        FORMS.get(form, "decimal"),
        element.get("num-suffix") or ".",
        int(start) if start.isdecimal() else 1,
    )


def _markup_of(style: Element) -> Markup:
    found = Markup.NONE
    for properties in style:
        if properties.get("font-weight") in _BOLD:
            found |= Markup.BOLD
        if properties.get("font-style") in ("italic", "oblique"):
            found |= Markup.ITALIC
    return found
