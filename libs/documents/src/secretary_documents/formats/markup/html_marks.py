"""What elements of HTML say about the text in them: bold, italic, code, and its language."""

from __future__ import annotations

import re
from collections.abc import Mapping

from secretary_documents.pdf.layout.model import Markup

Attributes = Mapping[str, str | None]
MARKS = {
    **dict.fromkeys(("b", "strong"), Markup.BOLD),
    **dict.fromkeys(("i", "em"), Markup.ITALIC),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), Markup.CODE),
}
"""The elements that mark text."""
# Editors put such elements around a whole text that they copy.
_UNMARKED = re.compile(r"font-(?:weight|style)\s{0,9}:\s{0,9}(?:normal|400)", re.IGNORECASE)
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight-source)-(\S{1,30})")


def markup_of(tag: str, attributes: Attributes) -> Markup:
    """Return the markup of an element with *attributes*, whose *tag* is one of ``MARKS``."""
    unmarked = _UNMARKED.search(attributes.get("style") or "")
    return Markup.NONE if unmarked else MARKS[tag]


def language_of(attributes: Attributes) -> str:
    """Return the language that the class of an element with code names."""
    match = _LANGUAGE.search(attributes.get("class") or "")
    return match[1] if match else ""
