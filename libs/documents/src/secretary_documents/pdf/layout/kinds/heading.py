"""Decides which blocks are headings and captions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from secretary_documents.pdf.layout.model import Block, Kind
from secretary_documents.pdf.layout.style import HEADING_FACTOR, HEADING_LEVELS, DocumentStyle

# The beginning of a caption: a kind of figure with a number or a colon after it.
CAPTION = re.compile(
    r"(?:fig(?:ure|\.)?|tab(?:le|\.|elle)?|abb(?:ildung|\.)?|chart|graph|map|box|photo|source"
    r"|exhibit|scheme|plate|diagram|quelle|grafik|note|notes)\s{0,3}[:.]?\s{0,3}"
    r"(?:[A-Z]?[\d.]++[a-z]?\s{0,3}[:.|-]?|[:.])(?:\s|$|(?=\w))",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"(?:(?:chapter|section|part|appendix|annex|kapitel|abschnitt|teil|anhang)\s+[\dA-ZIVX]+\b"
    r"|\d{1,2}(?:\.\d{1,2}){1,4}\.?\s+\S|[IVX]{1,5}\.\s+\S|[A-Z]\.?\d?\s+[A-Z]|\d{1,2}\.?\s+[A-Z])"
)
# Titles of parts that most documents have.
_TITLES = frozenset(
    (
        *("abstract", "summary", "executive summary", "contents", "table of contents"),
        *("introduction", "background", "discussion", "conclusion", "conclusions", "references"),
        *("bibliography", "works cited", "further reading", "acknowledgements", "acknowledgments"),
        *("appendix", "index", "glossary", "preface", "foreword", "inhalt", "inhaltsverzeichnis"),
        *("zusammenfassung", "einleitung", "fazit", "literatur", "literaturverzeichnis"),
        *("anhang", "vorwort", "glossar"),
    )
)
_DEPTH = re.compile(r"\d{1,2}((?:\.\d{1,2})*)")
_LETTER = re.compile(r"[^\W\d_]")
_LONGEST, _LONGEST_BOLD, _MOST_LINES, _MOST_BOLD_LINES = 200, 130, 5, 3
_SMALLEST, _USUALLY_BOLD, _LETTER_SHARE = 0.92, 0.5, 0.4
_SHORT = 60
_STOP_INSIDE = re.compile(r"(?<=[^\W\d]{3})[.;] [A-Z]")
_STOPS = (".", ",", ";")
_MONTHS = (
    "jan(?:uary|uar)?|feb(?:ruary|ruar)?|march|märz|mar|apr(?:il)?|may|mai|june?|juni|july?|juli"
    "|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
)
_DATE = re.compile(
    rf"(?:\d{{1,2}}(?:st|nd|rd|th|\.)?\s)?(?:{_MONTHS})\.?\s(?:\d{{1,2}},?\s)?\d{{4}}",
    re.IGNORECASE,
)


def is_usual_title(text: str) -> bool:
    """Return whether *text* is the title of a part that most documents have."""
    return text.lower() in _TITLES


def mark_headings(blocks: Sequence[Block], style: DocumentStyle) -> None:
    """Set the kind and level of those of *blocks* that are headings or captions, in place."""
    for index, block in enumerate(blocks):
        if block.kind not in (Kind.PARAGRAPH, Kind.LIST_ITEM):
            continue
        text = text_of(block)
        if block.kind is Kind.PARAGRAPH and CAPTION.match(text):
            block.kind = Kind.CAPTION
            continue
        after = blocks[index + 1] if index + 1 < len(blocks) else None
        if _is_heading(block, text, after, style):
            block.kind = Kind.HEADING
            block.level = _level(block, text, style)
    _unmark_statements(blocks)


def _unmark_statements(blocks: Sequence[Block]) -> None:
    """Make large text below several small headings paragraphs, as on a slide with columns."""
    pairs = [
        below
        for above, below in pairwise(blocks)
        if above.kind is below.kind is Kind.HEADING
        and _size(below) >= HEADING_FACTOR * _size(above)
        and above.box.bottom <= below.box.top + 1 < above.box.bottom + 3 * _size(below)
        and abs(below.box.left - above.box.left) < _size(below)
    ]
    if len(pairs) > 1 and len({block.lines[0].size for block in pairs}) == 1:
        for block in pairs:
            block.kind, block.level = Kind.PARAGRAPH, 0


def _size(block: Block) -> float:
    return median(line.size for line in block.lines)


def text_of(block: Block) -> str:
    """Return the text of *block* in one line, with its marker."""
    return " ".join(part for part in (block.marker, *(line.text for line in block.lines)) if part)


def _is_heading(block: Block, text: str, after: Block | None, style: DocumentStyle) -> bool:
    known = is_usual_title(text) or any(text.lower() == title for title, _ in style.outline)
    if known or not _may_be_title(block, text):
        return known
    size = median(line.size for line in block.lines)
    bold, large = _is_bold(block), size >= style.body * HEADING_FACTOR
    if block.kind is Kind.LIST_ITEM:
        return _is_numbered_heading(block, text, after, bold=bold or large)
    if text.endswith(_STOPS) and not _may_end_with_stop(block, text, bold=bold, large=large):
        return False
    if large or size < _SMALLEST * style.body:
        return large and not _is_sentence(text)
    if bold and style.bold_share < _USUALLY_BOLD:
        return len(text) <= _LONGEST_BOLD and len(block.lines) <= _MOST_BOLD_LINES
    return _is_capitals(text, block) and after is not None and after.kind is Kind.PARAGRAPH


def _may_be_title(block: Block, text: str) -> bool:
    """Return whether *text* is short and has more letters than other characters."""
    if len(text) > _LONGEST or len(block.lines) > _MOST_LINES:
        return False
    letters = len(_LETTER.findall(text))
    if len(block.lines) == 1 and _DATE.fullmatch(text):
        return False
    return letters > 0 and letters >= _LETTER_SHARE * len(text.replace(" ", ""))


def _is_sentence(text: str) -> bool:
    """Return whether large letters are a paragraph: long, and with a stop or a colon."""
    return len(text) > _SHORT and (text.endswith(":") or bool(_STOP_INSIDE.search(text)))


def _may_end_with_stop(block: Block, text: str, *, bold: bool, large: bool) -> bool:
    if not (bold or large) or text.endswith((",", ";")):
        return False
    return bool(_NUMBERED.match(text)) or (len(block.lines) == 1 and len(text) <= _SHORT)


def _is_numbered_heading(block: Block, text: str, after: Block | None, *, bold: bool) -> bool:
    bold = bold or _is_capitals(text, block)
    if not bold or not block.marker[:1].isalnum() or len(block.lines) > 2 or text.endswith(_STOPS):
        return False
    return after is None or after.kind is not Kind.LIST_ITEM or not _is_bold(after)


def _is_bold(block: Block) -> bool:
    return all(line.bold for line in block.lines)


def _is_capitals(text: str, block: Block) -> bool:
    letters = _LETTER.findall(text)
    return text.isupper() and 4 <= len(letters) <= 70 and len(block.lines) <= 2


def _level(block: Block, text: str, style: DocumentStyle) -> int:
    for title, level in style.outline:
        if text.lower() == title:
            return min(level, 6)
    level = style.level(median(line.size for line in block.lines))
    if (match := _DEPTH.match(text)) and match[1]:
        level = max(level, min(1 + match[1].count("."), HEADING_LEVELS))
    return level
