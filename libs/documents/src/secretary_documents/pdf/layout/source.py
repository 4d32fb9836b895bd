"""Reads the lines, words and links of a page with MuPDF. Runs in the child only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any, overload

import pymupdf

from secretary_documents.pdf.layout.bidi.lines import WIDE_SPACE, in_reading_order, words_in
from secretary_documents.pdf.layout.link import Link, links_on, with_links
from secretary_documents.pdf.layout.model import Box, Line, Span, Word, part_of
from secretary_documents.pdf.layout.script import (
    is_right_to_left,
    join_letters,
    with_ligatures,
)
from secretary_documents.pdf.layout.tables.overflow import divided_words
from secretary_documents.pdf.mupdf.text import (
    SOFT_HYPHEN,
    TEXT_FLAGS,
    FoundWord,
    TextBlock,
    character_blocks,
    found_words,
    runs_to_left,
    show_hyphens,
    styled_blocks,
    text_blocks,
)

_BOLD, _MONO = pymupdf.TEXT_FONT_BOLD, pymupdf.TEXT_FONT_MONOSPACED
_BOLD_NAME = re.compile(r"bold|black|heavy|semibold|demi", re.IGNORECASE)
# Fonts for mathematics, of TeX and of text processors.
_MATH_NAME = re.compile(
    r"(?:CM(?:MI|SY|EX|BSY)|LM(?:Math|MathItalic)|MS[AB]M|Eu[FRSX]M|RSFS|MTMI|MTSY|MTEX|MT-Extra"
    r"|Symbol|.{0,20}Math)",
    re.IGNORECASE,
)
# MuPDF ends a word at these characters.
_WORD = re.compile(r"[^\s\xa0]+")
# MuPDF begins a new line after a space of 0.8 font sizes. So only several spaces make a wider one.
# Spaces at its ends make a line wider than its words, and a control character is no word for MuPDF.
_SPACE = r"[\s\xa0\u202a-\u202e]"
_SEVERAL_SPACES = re.compile(rf"^{_SPACE}|{_SPACE}{{2}}|{_SPACE}$|[\x00-\x1f]")
_UPRIGHT = 0.3
"""The sine of the angle from which a line is turned."""
# Characters that only say where a word may be divided, that have no width, or control characters.
_INVISIBLE = dict.fromkeys(
    (*map(ord, "\N{SOFT HYPHEN}\u200b\u2060\ufeff"), *range(0x80, 0xA0), *range(9), 0x7F)
)


class PageWords(Sequence[Word]):
    """The words of a page. They are made when they are first read: most pages have no table."""

    def __init__(self, find: Callable[[], Sequence[FoundWord]]) -> None:
        self._find = find

    @cached_property
    def _words(self) -> list[Word]:
        return [
            Word(Box(*word[:4]), word[4].translate(_INVISIBLE), place)
            for place, word in enumerate(self._find())
        ]

    @overload
    def __getitem__(self, index: int) -> Word: ...

    @overload
    def __getitem__(self, index: slice) -> list[Word]: ...

    def __getitem__(self, index: int | slice) -> Word | list[Word]:
        return self._words[index]

    def __iter__(self) -> Iterator[Word]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)


class PageSource:
    """The text of one page. MuPDF reads the page once; each form of the text is made when used."""

    def __init__(self, page: pymupdf.Page) -> None:
        self.page = page
        self.text: pymupdf.TextPage = page.get_textpage(flags=TEXT_FLAGS)
        """The text as MuPDF has read it."""

    @cached_property
    def words(self) -> Sequence[Word]:
        """The words of the page, in the order of the file."""
        return PageWords(lambda: divided_words(self._found, self._characters))

    @cached_property
    def text_blocks(self) -> Sequence[TextBlock]:
        """The blocks of text, in the order of the file.

        All other forms of the text are made after this one, because it shows hyphens.
        """
        blocks = text_blocks(self.text)
        if not any(SOFT_HYPHEN in text for _, text in blocks):
            return blocks
        show_hyphens(self.text)
        return text_blocks(self.text)

    @cached_property
    def _runs_to_left(self) -> bool:
        return any(is_right_to_left(text) for _, text in self.text_blocks)

    @cached_property
    def lines(self) -> Sequence[Line]:
        """The lines of the page, in the order of the file."""
        lines = join_letters(list(self._lines()))
        return [
            line if line.index == index else _with_index(line, index)
            for index, line in enumerate(lines)
        ]

    @cached_property
    def _found(self) -> Sequence[FoundWord]:
        if self._runs_to_left:
            return words_in(self._ordered)
        return found_words(self.text)

    @cached_property
    def _ordered(self) -> Sequence[dict[str, Any]]:
        return in_reading_order(with_ligatures(character_blocks(self.text)))

    def _characters(self) -> Sequence[dict[str, Any]]:
        return self._ordered if self._runs_to_left else character_blocks(self.text)

    def _blocks(self) -> Sequence[dict[str, Any]]:
        return self._ordered if self._runs_to_left else styled_blocks(self.text)

    def _lines(self) -> Iterator[Line]:
        links = links_on(self.page)
        whole = not (links or self._runs_to_left)
        count = 0
        for block_number, block in enumerate(self._blocks()):
            for line_number, line in enumerate(block.get("lines", ())):
                turned = abs(line["dir"][1]) > _UPRIGHT or _is_upside_down(line)
                if whole and not turned and _is_one_piece(line["spans"]):
                    pieces = [Line(Box(*line["bbox"]), _spans(line["spans"]), index=count)]
                else:
                    inside = self._words_by_line.get((block_number, line_number), ())
                    pieces = list(_divided(line, inside, links, turned=turned))
                yield from pieces
                count += len(pieces)

    @cached_property
    def _words_by_line(self) -> Mapping[tuple[int, int], Sequence[FoundWord]]:
        words: defaultdict[tuple[int, int], list[FoundWord]] = defaultdict(list)
        for word in self._found:
            words[word[5], word[6]].append(word)
        return words


def _with_index(line: Line, index: int) -> Line:
    # ``replace`` takes ten times as long, and most pages have lines by the hundred.
    return Line(line.box, line.spans, line.turned, index, line.down, line.upside_down)


def _is_one_piece(spans: Sequence[dict[str, Any]]) -> bool:
    """Return whether a line is as large as its words, and surely has no wide space inside."""
    if len(spans) == 1:
        text = spans[0]["text"]
    else:
        size, (_, top, _, bottom) = spans[0]["size"], spans[0]["bbox"]
        if any(
            span["size"] != size or span["bbox"][1] != top or span["bbox"][3] != bottom
            for span in spans
        ):
            return False
        text = "".join(span["text"] for span in spans)
    return bool(text) and not _SEVERAL_SPACES.search(text)


def _divided(
    line: dict[str, Any], words: Sequence[FoundWord], links: Sequence[Link], *, turned: bool
) -> Iterator[Line]:
    """Yield a line of MuPDF as pieces without wide spaces inside. Its *words* have its *links*."""
    spans = with_links(_spans(line["spans"]), words, links)
    box = Box(*line["bbox"])
    if spans and turned:
        upside_down = _is_upside_down(line)
        down = line["dir"][1] > 0 and not upside_down
        whole = Line(box, spans, turned=True, down=down, upside_down=upside_down)
        yield from _turned_pieces(whole, words)
    elif spans and (line.get("whole") or not words):
        if not all(_is_blank(span.text) for span in spans):
            yield Line(_hull(words) if words else box, spans)
    elif spans:
        yield from _pieces(spans, words)


def _is_blank(text: str) -> bool:
    return not any(char.isprintable() and not char.isspace() for char in text)


def _spans(found: Sequence[dict[str, Any]]) -> tuple[Span, ...]:
    return tuple(_span(span) for span in found if span["text"])


def _pieces(spans: tuple[Span, ...], words: Sequence[FoundWord]) -> Iterator[Line]:
    """Yield a line as pieces without wide spaces inside, each as wide as its words."""
    most = WIDE_SPACE * spans[0].size
    ends = [at for at in range(1, len(words)) if words[at][0] - words[at - 1][2] > most]
    if not _can_be_cut(spans, words):
        ends = []
    start = 0
    for end in (*ends, len(words)):
        piece = _cut(spans, start, end) if ends else spans
        if any(not span.text.isspace() for span in piece):
            yield Line(_hull(words[start:end]), piece)
        start = end


def _is_upside_down(line: dict[str, Any]) -> bool:
    """Return whether a line of MuPDF runs to the left, and its letters reach down from it."""
    if not runs_to_left(line) or not line["spans"]:
        return False
    span = line["spans"][0]
    # Mirrored text runs to the left too.
    return bool(span["origin"][1] < (span["bbox"][1] + span["bbox"][3]) / 2)


def _turned_pieces(line: Line, words: Sequence[FoundWord]) -> Iterator[Line]:
    """Yield a turned *line* as pieces without wide spaces inside."""
    most = WIDE_SPACE * line.spans[0].size
    along = [_along(line, word) for word in words]
    ends = [at for at in range(1, len(words)) if along[at][0] - along[at - 1][1] > most]
    if not ends or not _can_be_cut(line.spans, words):
        yield line
        return
    start = 0
    for end in (*ends, len(words)):
        piece = _cut(line.spans, start, end)
        if any(not span.text.isspace() for span in piece):
            yield replace(line, box=Box(*_hull(words[start:end])), spans=piece)
        start = end


def _along(line: Line, word: FoundWord) -> tuple[float, float]:
    """Return where *word* starts and ends along a turned *line*."""
    if line.upside_down:
        return -word[2], -word[0]
    return (word[1], word[3]) if line.down else (-word[3], -word[1])


def _hull(words: Sequence[FoundWord]) -> Box:
    lefts, tops, rights, bottoms, *_ = zip(*words, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def _places(spans: tuple[Span, ...]) -> list[tuple[int, int]]:
    """Return where each word of *spans* begins and ends in their text."""
    return [match.span() for match in _WORD.finditer("".join(span.text for span in spans))]


def _can_be_cut(spans: tuple[Span, ...], words: Sequence[FoundWord]) -> bool:
    """Return whether the text has these *words*. A line with others stays whole."""
    return len(_places(spans)) == len(words)


def _cut(spans: tuple[Span, ...], first: int, end: int) -> tuple[Span, ...]:
    """Return the part of *spans* from word number *first* to before word number *end*."""
    places = _places(spans)
    return part_of(spans, places[first][0], places[end - 1][1])


def is_math_font(font: str) -> bool:
    """Return whether *font* is one for mathematics. A subset has a tag before its name."""
    return bool(_MATH_NAME.match(font.rpartition("+")[2]))


@lru_cache(maxsize=256)
def _style_of(font: str, flags: int) -> tuple[bool, bool, bool]:
    """Return whether the letters of *font* are bold, have the same width, are mathematics."""
    return bool(flags & _BOLD or _BOLD_NAME.search(font)), bool(flags & _MONO), is_math_font(font)


def _span(span: dict[str, Any]) -> Span:
    text = span["text"]
    if not text.isprintable():  # as a line without invisible characters is
        if text.endswith("\N{SOFT HYPHEN}"):
            text = f"{text[:-1]}\N{HYPHEN}"
        text = text.translate(_INVISIBLE)
    bold, mono, math = _style_of(span["font"], span["flags"])
    return Span(text, span["size"], bold, mono, None, math)
