"""Reads rich text (RTF): paragraphs, headings, lists, tables, notes, links, title and author."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.limits import damaged
from secretary_documents.formats.markup.rich_text.characters import FontEncodings, Halves
from secretary_documents.formats.markup.rich_text.pictures import RichTextPictures
from secretary_documents.formats.markup.rich_text.state import Group, Paragraph
from secretary_documents.formats.markup.rich_text.styles import HeadingStyles
from secretary_documents.formats.markup.rich_text.table import RichTextTable
from secretary_documents.formats.markup.rich_text.tokens import (
    CLOSE,
    OPEN,
    SYMBOLS,
    PlaceTexts,
    Token,
    tokens_in,
)
from secretary_documents.formats.markup.rich_text.words import (
    KNOWN_STARRED,
    PLACES,
    SKIPPED,
    TABLE_WORDS,
    shown_marker,
)
from secretary_documents.pdf.layout.model import Kind, Markup, Span

_LINK = re.compile(r'HYPERLINK\s{1,9}"([^"]{1,2000})"')
_MOST_GROUPS = 1000
_LEVELS = 9
# The code pages of texts whose head has ``mac``, ``pc`` or ``pca`` in place of ``ansi``.
_MACINTOSH, _DOS, _DOS_LATIN = 10000, 437, 850


def read_rich_text(path: str, builder: Builder) -> None:
    """Read the rich text at *path* into *builder*."""
    builder.start_page()
    read_rtf(Path(path).read_bytes(), builder)


def read_rtf(content: bytes, builder: Builder) -> None:
    """Add the rich text *content* to the page of *builder*.

    Raises:
        PermanentError: DOCUMENT_INVALID, it is nested too deeply.
    """
    _RichTextReader(builder).read(content)


class _RichTextReader:
    """Reads one rich text token by token."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._groups: list[Group] = [Group()]
        self._texts = PlaceTexts()
        self._bytes = bytearray()
        self._pending_skips = 0
        self._halves = Halves()
        self._runs: list[Span] = []
        self._link: str | None = None
        self._link_depth = 0
        self._paragraph = Paragraph()
        self._table = RichTextTable(builder.budget)
        self._fonts = FontEncodings()
        self._heading_styles = HeadingStyles()
        self._style = 0
        self._pictures = RichTextPictures(builder)
        self._notes = 0
        self._words: dict[str, Callable[[int | None], None]] = {
            "par": self._end_paragraph,
            "sect": self._end_paragraph,
            # A backslash before the end of a line stands for ``par``.
            **dict.fromkeys("\r\n", self._end_paragraph),
            "page": self._page_break,
            "pard": self._reset,
            "cell": self._end_cell,
            "row": self._end_row,
            "u": self._unicode,
            "f": self._choose_font,
            "fcharset": self._fonts.set_charset,
            "ansicpg": self._set_code_page,
            "mac": lambda _: self._set_code_page(_MACINTOSH),
            "pc": lambda _: self._set_code_page(_DOS),
            "pca": lambda _: self._set_code_page(_DOS_LATIN),
            "s": self._choose_style,
            "b": partial(self._mark, Markup.BOLD),
            "i": partial(self._mark, Markup.ITALIC),
        }

    @property
    def _group(self) -> Group:
        return self._groups[-1]

    def read(self, content: bytes) -> None:
        """Read all of *content*."""
        starred = False
        for token in tokens_in(content):
            if token.word == "*":
                starred = True
                continue
            self._token(token, starred=starred)
            starred = False
        self._end_paragraph(None)
        self._finish_table()
        self._builder.title = self._texts.take("title").strip() or self._builder.title
        self._builder.author = self._texts.take("author").strip() or self._builder.author

    def _token(self, token: Token, *, starred: bool) -> None:
        if not token.word:
            self._add_bytes(token.text)
            return
        self._decode()
        if token.word == OPEN:
            self._open()
        elif token.word == CLOSE:
            self._close()
        elif self._group.skipped:
            return
        else:
            self._word(token, starred=starred)

    def _open(self) -> None:
        if len(self._groups) > _MOST_GROUPS:
            raise damaged("the rich text is nested too deeply")
        self._groups.append(replace(self._group))

    def _close(self) -> None:
        if len(self._groups) == 1:
            return
        closed = self._groups.pop()
        if closed.place != self._group.place and not closed.skipped:
            self._end_place(closed.place)
        if self._link and len(self._groups) < self._link_depth:
            self._link = None

    def _word(self, token: Token, *, starred: bool) -> None:
        word, number = token.word, token.number
        if self._group.place == "pict":
            self._pictures.word(word)
            self._pictures.add_binary(token.text)
        if word in PLACES:
            self._group.place = word
        elif word in SKIPPED or (starred and word not in KNOWN_STARRED):
            self._group.skipped = True
        elif word in self._words:
            self._words[word](number)
        elif word in SYMBOLS:
            self._add_text(SYMBOLS[word])
        elif word in TABLE_WORDS:
            self._table.word(word, number)
        else:
            self._property(word, number)

    def _property(self, word: str, number: int | None) -> None:
        if word == "uc":
            self._group.fallback = max(number or 0, 0)
        elif word in ("v", "deleted"):  # deleted: by a tracked change
            self._group.hidden = number != 0
        elif word == "plain":
            self._group.hidden, self._group.markup = False, Markup.NONE
        elif word == "intbl":
            self._paragraph.in_table = True
        elif word == "outlinelevel" and number is not None and 0 <= number < _LEVELS:
            self._paragraph.level = number + 1
        elif word == "pagebb":
            self._paragraph.starts_page = number != 0
        elif word == "ilvl":
            self._paragraph.depth = max(number or 0, 0)

    def _mark(self, mark: Markup, number: int | None) -> None:
        others = self._group.markup & ~mark
        self._group.markup = others if number == 0 else others | mark

    def _add_bytes(self, text: bytes) -> None:
        """Add *text*, without the characters that stand for a Unicode character before them."""
        skips = min(self._pending_skips, len(text))
        self._pending_skips -= skips
        if self._group.skipped:
            return
        if self._group.place == "pict":
            self._pictures.add_digits(text)
        else:
            self._bytes += text[skips:]

    def _decode(self) -> None:
        self._pending_skips = 0
        if self._bytes:
            encoding = self._group.encoding
            text = self._bytes.decode(encoding, errors="replace")
            self._bytes.clear()
            self._add_text(text)

    def _add_text(self, text: str) -> None:
        group = self._group
        if group.skipped or group.hidden:
            return
        if group.place:
            self._texts.add(group.place, text)
        else:
            self._runs.append(run(text, link=self._link, markup=group.markup))

    def _unicode(self, number: int | None) -> None:
        if character := self._halves.character(number):
            self._add_text(character)
        self._pending_skips = self._group.fallback

    def _end_place(self, place: str) -> None:
        """Use the text of a place whose group has ended."""
        if place == "footnote":
            self._notes += 1
            self._runs.append(run(f"[{self._notes}]"))
            self._builder.footnote(f"[{self._notes}]", [run(self._texts.take(place))])
        elif place == "fldinst":
            match = _LINK.search(self._texts.take(place))
            self._link, self._link_depth = (match[1], len(self._groups)) if match else (None, 0)
        elif place.startswith(("header", "footer")):
            kind = Kind.HEADER if place.startswith("header") else Kind.FOOTER
            self._builder.running(kind, [run(self._texts.take(place))])
        elif place == "stylesheet":
            self._learn_style()
        elif place == "pict":
            self._pictures.end()
        elif place == "sv":
            self._texts.take(place)

    def _choose_font(self, number: int | None) -> None:
        encoding = self._fonts.choose(number)
        if self._group.place != "fonttbl":
            self._group.encoding = encoding

    def _set_code_page(self, number: int | None) -> None:
        self._group.encoding = self._fonts.set_default(number)

    def _choose_style(self, number: int | None) -> None:
        if self._group.place == "stylesheet":
            self._learn_style()
            self._style = number or 0
        else:
            self._paragraph.style = number or 0

    def _learn_style(self) -> None:
        """Note the style whose name was read."""
        self._heading_styles.learn(self._style, self._texts.take("stylesheet").strip(" \r\n\t;"))

    def _reset(self, _: int | None) -> None:
        self._paragraph = Paragraph()

    def _text(self) -> str:
        text = "".join(one.text for one in self._runs)
        self._runs = []
        return text

    def _end_cell(self, _: int | None) -> None:
        marker = self._texts.take("listtext") or self._texts.take("pntext")
        self._table.cell(f"{marker.strip()} {self._text()}".strip())

    def _end_row(self, _: int | None) -> None:
        self._table.end_row()
        self._pictures.end_row()

    def _finish_table(self) -> None:
        if table := self._table.finish():
            self._builder.table(table)
        self._pictures.add_those_of_table()

    def _page_break(self, _: int | None) -> None:
        self._end_paragraph(None)
        self._finish_table()
        self._builder.start_page()

    def _end_paragraph(self, _: int | None) -> None:
        if self._group.place:
            self._texts.add(self._group.place, "\n")
            return
        if self._paragraph.in_table:
            self._runs.append(run(" "))
            return
        self._finish_table()
        runs, self._runs = self._runs, []
        if self._paragraph.starts_page and runs and self._builder.has_blocks:
            self._builder.start_page()
        marker = (self._texts.take("listtext") or self._texts.take("pntext")).strip()
        level = self._paragraph.level or self._heading_styles.level(self._paragraph.style)
        if level:
            prefix = [run(f"{marker} ")] if marker else []
            self._builder.heading([*prefix, *runs], level)
        elif marker and any(one.text.strip() for one in runs):
            self._builder.item(runs, depth=self._paragraph.depth, marker=shown_marker(marker))
        else:
            self._builder.paragraph(runs)
        self._pictures.add_those_of_paragraph()
