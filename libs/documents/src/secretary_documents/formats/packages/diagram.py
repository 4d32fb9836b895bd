"""Reads the texts of diagrams (SmartArt) in Open XML files, which are parts of their own."""

from __future__ import annotations

from collections import defaultdict
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.packages.xml import parse_xml

# The points with text. Others are drawn between them.
_SHOWN = ("node", "asst")
_BELOW = "parOf"


def add_diagram(content: bytes, builder: Builder) -> None:
    """Add the texts of a diagram as items of a list, in its order and at their depths."""
    root = parse_xml(content)
    shown = [point for point in root.iter("pt") if point.get("type", "node") in _SHOWN]
    texts = {point.get("modelId", ""): _text(point) for point in shown}
    below: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for link in root.iter("cxn"):
        if link.get("type", _BELOW) == _BELOW:
            place = link.get("srcOrd", "")
            order = int(place) if place.isdecimal() else 0
            below[link.get("srcId", "")].append((order, link.get("destId", "")))
    tops = [child for parent in below if parent not in texts for child in _ordered(below, parent)]
    waiting = [(point, 0) for point in reversed([*tops, *texts])]
    while waiting:
        point, depth = waiting.pop()
        text = texts.pop(point, None)  # once, although points may refer to each other in a circle
        if text is not None:
            builder.item([run(text)], depth=depth)
            waiting += [(child, depth + 1) for child in reversed(_ordered(below, point))]


def _ordered(below: dict[str, list[tuple[int, str]]], point: str) -> list[str]:
    return [child for _, child in sorted(below.get(point, ()))]


def _text(point: Element) -> str:
    paragraphs = ("".join(one.text or "" for one in part.iter("t")) for part in point.iter("p"))
    return " ".join(filter(None, map(str.strip, paragraphs)))
