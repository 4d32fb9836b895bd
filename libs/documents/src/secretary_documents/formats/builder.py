"""Builds the pages of a file out of blocks. Readers call it in the order of the file.

A page is a page, a sheet, a slide or a chapter. These formats have no places on the page, so all
boxes are flat; the left side of an item's box is its depth, from which writers indent it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.formats.limits import Budget, FileLimits
from secretary_documents.formats.table_builder import TableBuilder, without_controls
from secretary_documents.pdf.layout.model import (
    Block,
    Box,
    Kind,
    Line,
    Markup,
    PageLayout,
    Span,
)
from secretary_documents.pdf.pictures.raster import picture_size

INDENT = 18.0
_DEEPEST_HEADING = 6
_POINTS_A_PIXEL = 72 / 96
_NO_BOX = Box(0, 0, 0, 0)
_BLANKS = re.compile(r"[ \t\xa0]+")
_LANGUAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+#._-]{0,29}")
_FILE_NAME = re.compile(r"[^\s/\\]{1,200}\.(?:png|jpe?g|gif|bmp|tiff?|emf|wmf|svg)", re.IGNORECASE)

Load = Callable[[], bytes]
"""Returns the bytes of a picture or of a file inside the file."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside the file: an attachment, or a file of an archive."""

    name: str
    size: int
    load: Load


@dataclass(slots=True)
class FilePage:
    """A page with its name, such as that of a sheet."""

    layout: PageLayout
    name: str | None = None
    pictures: dict[str, Load] = field(default_factory=dict)
    """The kept pictures by the names of their files."""
    footnotes: list[Block] = field(default_factory=list)
    """They follow the last block of the page."""


def run(text: str, *, link: str | None = None, markup: Markup = Markup.NONE) -> Span:
    """Return a piece of text with one markup. Line ends in *text* stay line ends."""
    return Span(without_controls(text), 0.0, link=_safe_link(link), markup=markup)


def _safe_link(link: str | None) -> str | None:
    """Return *link* unless it is a script or has its data in itself."""
    if link is None or link.strip().lower().startswith(("javascript:", "data:", "vbscript:")):
        return None
    return link.strip() or None


class Builder:
    """Collects the title, the pages and the members of one file."""

    def __init__(self, limits: FileLimits, *, min_points: float | None = None) -> None:
        """*min_points*: the least side of pictures that are kept; None keeps none."""
        self.title: str | None = None
        self.author: str | None = None
        self.pages: list[FilePage] = []
        self.members: list[Member] = []
        self.budget = Budget(limits)
        self._min_points = min_points

    @property
    def limits(self) -> FileLimits:
        """The limits of the file."""
        return self.budget.limits

    @property
    def has_blocks(self) -> bool:
        """Whether the current page has a block that is no header and no footer."""
        return bool(self.pages) and any(
            not block.repeated for block in self.pages[-1].layout.blocks
        )

    def start_page(self, name: str | None = None) -> None:
        """Start the next page. Blocks before the first call are on page 1."""
        self.finish()
        self.budget.add_page()
        self.pages.append(FilePage(PageLayout(len(self.pages) + 1, 0, 0), name or None))

    def finish(self) -> None:
        """End the current page: add its footnotes."""
        if self.pages:
            page = self.pages[-1]
            page.layout.blocks += page.footnotes
            page.footnotes = []

    def heading(self, runs: Iterable[Span], level: int) -> None:
        """Add a heading of *level*, from 1."""
        level = min(max(level, 1), _DEEPEST_HEADING)
        self._add(Kind.HEADING, self._lines(_not_bold(runs), one_line=True), level=level)

    def paragraph(self, runs: Iterable[Span]) -> None:
        """Add a paragraph."""
        self._add(Kind.PARAGRAPH, self._lines(runs))

    def item(self, runs: Iterable[Span], *, depth: int = 0, marker: str = "•") -> None:
        """Add an item of a list. A number of several parts becomes a part of the text."""
        given = list(runs)
        if not marker.strip("().").isalnum() and any(map(str.isalnum, marker)):
            given, marker = [run(f"{marker} "), *given], "•"
        box = Box(INDENT * min(depth, 20), 0, 0, 0)
        lines = self._lines(given, one_line=True)
        self._add(Kind.LIST_ITEM, lines, box=box, level=depth, marker=marker)

    def caption(self, runs: Iterable[Span]) -> None:
        """Add the caption of a table or a picture."""
        self._add(Kind.CAPTION, self._lines(runs))

    def running(self, kind: Kind, runs: Iterable[Span]) -> None:
        """Add a header or a footer. By default, text and Markdown leave it out."""
        self._add(kind, self._lines(runs), repeated=True)

    def footnote(self, marker: str, runs: Iterable[Span]) -> None:
        """Add a footnote, which stands at the end of the page."""
        block = self._block(Kind.FOOTNOTE, self._lines(runs, one_line=True), marker=marker)
        if block:
            self._page.footnotes.append(block)

    def code(self, text: str, language: str = "") -> None:
        """Add lines of code with their indents. Anything but a name is no *language*."""
        cleaned = without_controls(text).strip("\n")
        self.budget.add_text(cleaned)
        lines = [Line(_NO_BOX, (Span(line, 0.0, mono=True),)) for line in cleaned.split("\n")]
        if cleaned.strip():
            known = language if _LANGUAGE.fullmatch(language) else ""
            self._page.layout.blocks.append(Block(Kind.CODE, _NO_BOX, lines, language=known))

    def table(self, table: TableBuilder) -> None:
        """Add *table* unless it has no text."""
        if made := table.table():
            for cell in made.cells:
                self.budget.add_text(cell.text)
            self._page.layout.blocks.append(Block(Kind.TABLE, _NO_BOX, table=made))

    def picture(self, load: Load, text: str = "") -> None:
        """Add a picture with its alternative *text*; *load* returns its bytes.

        Programs put the name of the picture's file there, which says nothing.
        """
        text = "" if _FILE_NAME.fullmatch(text.strip()) else text
        block = Block(Kind.FIGURE, _NO_BOX, self._lines([run(text)]), file=self._kept(load))
        if block.file or block.lines:
            self._page.layout.blocks.append(block)

    def member(self, name: str, size: int, load: Load) -> None:
        """Add a file inside the file."""
        self.members.append(Member(name, size, load))

    @property
    def _page(self) -> FilePage:
        if not self.pages:
            self.start_page()
        return self.pages[-1]

    def _kept(self, load: Load) -> str:
        """Return the name of the file with the picture; nothing if it is not kept."""
        size = None if self._min_points is None else _size_of(load)
        if self._min_points is None or size is None:
            return ""
        width, height = size
        is_small = min(width, height) * _POINTS_A_PIXEL < self._min_points
        if is_small or width * height > self.limits.max_pixels:
            return ""
        page = self._page
        name = f"page_{page.layout.number}_image_{len(page.pictures) + 1}.png"
        page.pictures[name] = load
        return name

    def _add(
        self,
        kind: Kind,
        lines: list[Line],
        *,
        box: Box = _NO_BOX,
        level: int = 0,
        marker: str = "",
        repeated: bool = False,
    ) -> None:
        if block := self._block(kind, lines, marker=marker):
            block.box, block.level, block.repeated = box, level, repeated
            self._page.layout.blocks.append(block)

    @staticmethod
    def _block(kind: Kind, lines: list[Line], *, marker: str = "") -> Block | None:
        return Block(kind, _NO_BOX, lines, marker=marker) if lines else None

    def _lines(self, runs: Iterable[Span], *, one_line: bool = False) -> list[Line]:
        """Return *runs* as lines, without those that are blank."""
        lines: list[list[Span]] = [[]]
        for span in runs:
            self.budget.add_text(span.text)
            text = _BLANKS.sub(" ", span.text)
            text = text.replace("\n", " ") if one_line else text
            first, *others = text.split("\n")
            lines[-1].append(_with_text(span, first))
            lines += [[_with_text(span, other)] for other in others]
        made = (Line(_NO_BOX, tuple(spans)) for spans in lines if spans)
        return [line for line in made if line.text]


def _size_of(load: Load) -> tuple[int, int] | None:
    """Return width and height of a picture in pixels; None if it is damaged or no picture."""
    try:
        return picture_size(load())
    except PermanentError as error:
        if error.code != ErrorCode.DOCUMENT_INVALID:
            raise
        return None


def _with_text(span: Span, text: str) -> Span:
    return Span(text, span.size, link=span.link, markup=span.markup)


def _not_bold(runs: Iterable[Span]) -> Iterator[Span]:
    """Yield the runs of a heading, which is bold as a whole, and italic only in a part of it."""
    given = list(runs)
    is_italic = all(Markup.ITALIC in one.markup for one in given if one.text.strip())
    implied = Markup.BOLD | Markup.ITALIC if is_italic else Markup.BOLD
    for one in given:
        yield replace(one, markup=one.markup & ~implied)
