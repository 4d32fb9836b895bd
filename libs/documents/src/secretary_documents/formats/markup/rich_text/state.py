"""The state of the reader of rich text (RTF) that groups and paragraphs change."""

from __future__ import annotations

from dataclasses import dataclass

from secretary_documents.pdf.layout.model import Markup


@dataclass(slots=True)
class Group:
    """The state that a closing brace restores."""

    place: str = ""
    skipped: bool = False
    hidden: bool = False
    markup: Markup = Markup.NONE
    encoding: str = "cp1252"
    fallback: int = 1
    """How many characters follow a Unicode character for older readers."""


@dataclass(slots=True)
class Paragraph:
    """The properties of the current paragraph."""

    level: int = 0
    style: int = 0
    in_table: bool = False
    depth: int = 0
    starts_page: bool = False
    """Whether a page begins before the paragraph."""
