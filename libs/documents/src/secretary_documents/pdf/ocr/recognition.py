"""Recognised text: words with their places, in lines and paragraphs. No I/O and no OCR engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from secretary_documents.pdf.layout.model import Block, Box, Kind, Line, Span, Table, hull
from secretary_documents.pdf.method_choice import count_letters
from secretary_documents.pdf.writers.text import to_text

# A shorter word is often sure by chance.
_SURE, _SURE_LETTERS = 0.85, 4
# Punctuation and kana; ideographs; wide punctuation.
_NO_SPACES = (("\u3000", "\u30ff"), ("\u3400", "\u9fff"), ("\uff00", "\uff65"))


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """A word that was recognised on a page."""

    box: Box
    """The place on the page, in points."""
    text: str
    confidence: float
    """The OCR engine's confidence in the word, 0 to 1."""


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """Words on one baseline, at least one."""

    words: tuple[RecognisedWord, ...]

    @property
    def text(self) -> str:
        """The words, separated by spaces, but without spaces in Chinese and Japanese."""
        text = ""
        for word in self.words:
            glued = not text or (_has_no_spaces(text[-1]) and _has_no_spaces(word.text[0]))
            text += word.text if glued else f" {word.text}"
        return text

    @property
    def box(self) -> Box:
        """The smallest box around the words."""
        return hull(word.box for word in self.words)

    @property
    def confidence(self) -> float:
        """The mean confidence in the words, 0 to 1."""
        return mean_confidence(self.words)


@dataclass(frozen=True, slots=True)
class Recognition:
    """The text that was recognised on a page or in a part of it."""

    paragraphs: tuple[tuple[RecognisedLine, ...], ...] = ()
    """The lines of each paragraph, in reading order. No paragraph is empty."""
    tables: tuple[Table, ...] = ()
    """The tables. Their words are words of the paragraphs too."""
    engine: str = "tesseract"
    missing_script: str | None = None
    """The script of the page if no language of the job is written in it."""

    @property
    def lines(self) -> Iterator[RecognisedLine]:
        """The lines of all paragraphs."""
        return (line for lines in self.paragraphs for line in lines)

    @property
    def words(self) -> Iterator[RecognisedWord]:
        """The words of all lines."""
        return (word for line in self.lines for word in line.words)

    @property
    def text(self) -> str:
        """The lines, with an empty line between paragraphs, and each row of a table in one line."""
        return "\n\n".join(to_text([block]) for block in self.blocks())

    @property
    def confidence(self) -> float:
        """The OCR engine's confidence in the text that it found, 0 to 1; 0 without text."""
        return round(mean_confidence(list(self.words)), 2)

    @property
    def letters(self) -> int:
        """The number of recognised letters and digits."""
        return count_letters(self.text)

    @property
    def sure_share(self) -> float:
        """The share of the characters in words of which the engine is sure: 0 to 1."""
        sure = sum(len(word.text) for word in self.words if _is_sure(word))
        return sure / max(sum(len(word.text) for word in self.words), 1)

    def layout_lines(self) -> list[Line]:
        """Return the lines as lines of a layout, each as large as its letters are high."""
        return [_layout_line(line) for line in self.lines]

    def parts(self) -> list[list[RecognisedLine] | Table]:
        """Return the paragraphs and tables in order. A table is where its first line is.

        A line that crosses the side of a table keeps the words that the table does not have.
        """
        left = list(self.tables)
        parts: list[list[RecognisedLine] | Table] = []
        for lines in self.paragraphs:
            outside: list[RecognisedLine] = []
            for line in lines:
                rest = line
                for table in self.tables:
                    before, rest = rest, _outside(rest, table)
                    if len(rest.words) < len(before.words) and table in left:
                        left.remove(table)
                        parts += [outside, table]
                        outside = []
                if rest.words:
                    outside.append(rest)
            parts.append(outside)
        return [part for part in parts if part]

    def blocks(self) -> list[Block]:
        """Return the paragraphs and tables as blocks."""
        return [
            self._table_block(part) if isinstance(part, Table) else _block(part)
            for part in self.parts()
        ]

    def _table_block(self, table: Table) -> Block:
        around = table.box.wider(1)
        words = [word for word in self.words if around.holds(word.box.middle)]
        sure = round(mean_confidence(words), 2)
        return Block(Kind.TABLE, table.box, table=table, method="ocr", confidence=sure)


def _has_no_spaces(char: str) -> bool:
    """Return whether *char* is of a script that has no spaces between words."""
    return any(first <= char <= last for first, last in _NO_SPACES)


def _is_sure(word: RecognisedWord) -> bool:
    return word.confidence >= _SURE and sum(map(str.isalpha, word.text)) >= _SURE_LETTERS


def mean_confidence(words: Sequence[RecognisedWord]) -> float:
    """Return the mean confidence in *words*, 0 to 1; 0 without words."""
    return sum(word.confidence for word in words) / len(words) if words else 0.0


def _outside(line: RecognisedLine, table: Table) -> RecognisedLine:
    """Return *line* without the words that *table* has."""
    around = table.box.wider(1)
    words = tuple(word for word in line.words if not around.holds(word.box.middle))
    return line if len(words) == len(line.words) else RecognisedLine(words)


def _layout_line(line: RecognisedLine) -> Line:
    return Line(line.box, (Span(line.text, line.box.height),))


def _block(lines: Sequence[RecognisedLine]) -> Block:
    words = [word for line in lines for word in line.words]
    return Block(
        Kind.PARAGRAPH,
        hull(line.box for line in lines),
        [_layout_line(line) for line in lines],
        method="ocr",
        confidence=round(mean_confidence(words), 2),
    )
