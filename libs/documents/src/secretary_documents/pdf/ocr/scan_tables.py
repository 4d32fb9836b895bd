"""Finds the tables of a recognised page: by rules in its picture, else by aligned words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secretary_documents.pdf.layout.model import Box, Line, Span, Table, Word
from secretary_documents.pdf.layout.tables.aligned import split_tables
from secretary_documents.pdf.layout.tables.between_rules import tables_between_rules
from secretary_documents.pdf.layout.tables.leftover import words_outside
from secretary_documents.pdf.layout.tables.ruled import ruled_tables
from secretary_documents.pdf.layout.tables.text import rows_of_words, segments_of
from secretary_documents.pdf.ocr.picture import PagePicture
from secretary_documents.pdf.ocr.rules import rules_in

_LEAST_WORDS = 6
# What OCR reads in rules.
_NOISE = frozenset("|_[]{}\N{EM DASH}")


def tables_in(picture: PagePicture, words: Iterable[Word]) -> list[Table]:
    """Return the tables on *picture*, whose recognised words are *words*."""
    found = [word for word in words if not set(word.text) <= _NOISE]
    if len(found) < _LEAST_WORDS:
        return []
    across, upright = rules_in(picture)
    tables = ruled_tables(across, upright, found)
    rest = words_outside(found, tables)
    free = [rule for rule in across if not _is_inside(tables, rule)]
    tables += tables_between_rules(free, [], rest)
    return [*tables, *_aligned(words_outside(found, tables))]


def _is_inside(tables: Sequence[Table], box: Box) -> bool:
    return any(table.box.wider(1).holds(box.middle) for table in tables)


def _aligned(words: Sequence[Word]) -> list[Table]:
    """Return the tables without rules among *words*."""
    lines = [
        Line(part.box, (Span(part.text, part.box.height),))
        for row in rows_of_words(words)
        for part in segments_of(row)
    ]
    return [piece for piece in split_tables(lines, words) if isinstance(piece, Table)]
