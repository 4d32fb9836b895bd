"""Writes a formula of Office (OMML) in one line, such as ``x^2/(a+b)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

_ONE = re.compile(r"[\w.,]+|.")
_INTEGRAL = "∫"


def formula_text(element: Element) -> str:
    """Return the text of the formula *element*, ``oMath`` or a part of it."""
    write = _WRITERS.get(element.tag)
    if write is not None:
        return write(element)
    if element.tag == "t":
        return element.text or ""
    return "" if element.tag.endswith("Pr") else "".join(map(formula_text, element))


def _part(element: Element, name: str) -> str:
    found = element.find(name)
    return "" if found is None else formula_text(found).strip()


def _bound(element: Element, name: str) -> str:
    """Return the part *name* of *element*, in brackets if it has several signs."""
    text = _part(element, name)
    return text if not text or _ONE.fullmatch(text) else f"({text})"


def _marked(element: Element, name: str, mark: str) -> str:
    """Return *mark* and the part *name* of *element*; nothing if it is empty."""
    text = _bound(element, name)
    return f"{mark}{text}" if text else ""


def _fraction(element: Element) -> str:
    return f"{_bound(element, 'num')}/{_bound(element, 'den')}"


def _scripts(element: Element) -> str:
    return _bound(element, "e") + _marked(element, "sub", "_") + _marked(element, "sup", "^")


def _limit(element: Element) -> str:
    return _part(element, "e") + _marked(element, "lim", "^" if element.tag == "limUpp" else "_")


def _root(element: Element) -> str:
    return _part(element, "deg") + _marked(element, "e", "√")


def _sum(element: Element) -> str:
    sign = _property(element, "naryPr", "chr", _INTEGRAL)
    return (
        f"{sign}{_marked(element, 'sub', '_')}{_marked(element, 'sup', '^')} {_part(element, 'e')}"
    )


def _brackets(element: Element) -> str:
    start, end = (_property(element, "dPr", name, usual) for name, usual in _BRACKETS)
    separator = _property(element, "dPr", "sepChr", "|")
    return start + separator.join(formula_text(one) for one in element.findall("e")) + end


def _matrix(element: Element) -> str:
    rows = (", ".join(map(formula_text, row.findall("e"))) for row in element.findall("mr"))
    return "; ".join(rows)


def _function(element: Element) -> str:
    return f"{_part(element, 'fName')} {_part(element, 'e')}"


def _property(element: Element, place: str, name: str, usual: str) -> str:
    found = element.find(f"{place}/{name}")
    return usual if found is None else found.get("val", "")


_BRACKETS = (("begChr", "("), ("endChr", ")"))
_WRITERS: dict[str, Callable[[Element], str]] = {
    "f": _fraction,
    **dict.fromkeys(("sSub", "sSup", "sSubSup", "sPre"), _scripts),
    **dict.fromkeys(("limLow", "limUpp"), _limit),
    "rad": _root,
    "nary": _sum,
    "d": _brackets,
    "m": _matrix,
    "func": _function,
}


def formulas_in(element: Element) -> Iterator[Element]:
    """Yield the formulas in *element*, but not those in its form for older programs."""
    for child in element:
        if child.tag == "oMath":
            yield child
        elif child.tag != "Fallback":
            yield from formulas_in(child)
