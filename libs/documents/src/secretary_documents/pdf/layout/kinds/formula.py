"""Finds formulas that stand apart from the text: by fonts for mathematics and by symbols."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secretary_documents.pdf.layout.model import Block, Kind

_RELATION = re.compile(
    "[=<>\u2248\u2260\u2264\u2265\u223c\u2261\u2208\u2282\u2286\u2192\u21d2\u21d4\u221d\u21a6]"
)
# Greek letters, arrows, operators, letters for mathematics.
_SYMBOL = re.compile(
    "[\u0370-\u03ff\u2190-\u21ff\u2200-\u22ff\u27c0-\u27ff\u2a00-\u2aff=+\u00d7\u00b7^|<>\U0001d400-\U0001d7ff]"
)
_WORD = re.compile(r"[^\W\d_]{3,}+")
_MOST_LINES, _MOST_CHARS, _MOST_WORDS = 6, 200, 3
_MATH_SHARE, _SYMBOL_SHARE = 0.4, 0.25


def mark_formulas(blocks: Sequence[Block]) -> None:
    """Set the kind of those of *blocks* that are formulas, in place."""
    for block in blocks:
        if block.kind is Kind.PARAGRAPH and _is_formula(block):
            block.kind = Kind.FORMULA


def _is_formula(block: Block) -> bool:
    if len(block.lines) > _MOST_LINES:
        return False
    spans = [span for line in block.lines for span in line.spans]
    text = "".join("".join(span.text for span in spans).split())
    if not text or len(text) > _MOST_CHARS or not _RELATION.search(text):
        return False
    if sum(len(_WORD.findall(span.text)) for span in spans if not span.math) > _MOST_WORDS:
        return False
    math = sum(len("".join(span.text.split())) for span in spans if span.math)
    symbols = len(_SYMBOL.findall(text))
    return math >= _MATH_SHARE * len(text) or symbols >= _SYMBOL_SHARE * len(text)
