"""Reads the body of a Word document block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder
from secretary_documents.formats.packages.archive import Archive
from secretary_documents.formats.packages.chart import add_chart
from secretary_documents.formats.packages.diagram import add_diagram
from secretary_documents.formats.packages.open_xml import (
    Target,
    add_properties,
    is_on,
    main_part,
    relationships_of,
)
from secretary_documents.formats.packages.word.inline import (
    Chart,
    Diagram,
    Embedded,
    PageBreak,
    Picture,
    Piece,
    References,
    pieces_of,
)
from secretary_documents.formats.packages.word.notes import Notes
from secretary_documents.formats.packages.word.numbering import Numbering
from secretary_documents.formats.packages.word.styles import (
    ParagraphStyle,
    Styles,
    number_of,
    outline_level,
)
from secretary_documents.formats.packages.word.tables import read_table
from secretary_documents.formats.packages.xml import parse_xml
from secretary_documents.pdf.layout.model import Kind, Span

_INSIDE = frozenset({"sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "Choice"})
_RUNNING = {"headerReference": Kind.HEADER, "footerReference": Kind.FOOTER}
_NO_LIST = "0"


AddPart = Callable[[bytes, Builder], None]
"""Adds the content of a part to a builder."""


def read_word(path: str, builder: Builder, add_html: AddPart) -> None:
    """Read the Word document at *path* into *builder*; *add_html* adds parts in HTML."""
    archive = Archive(path, builder.limits)
    add_properties(archive, builder)
    WordReader(archive, builder, add_html).read()


class WordReader:
    """Reads one Word document."""

    def __init__(self, archive: Archive, builder: Builder, add_html: AddPart) -> None:
        self._add_html = add_html
        self._archive = archive
        self._builder = builder
        self._part = main_part(archive, "word/document.xml")
        self._targets = relationships_of(archive, self._part)
        self._styles = Styles(self._root_of("styles"))
        self._numbering = Numbering(self._root_of("numbering"))
        self._notes = Notes(
            {"footnote": self._root_of("footnotes"), "endnote": self._root_of("endnotes")}
        )
        self._references = References(
            self._targets, self._notes.mark, self._styles.markup, self._styles.is_hidden
        )
        self._targets_of: dict[str | None, dict[str, Target]] = {}
        """The targets of parts other than the body, by their names."""
        self._held: list[Piece] = []
        """The pictures, charts and text boxes in the cells of the current table."""
        self._code: list[str] = []
        self._has_blocks = False

    def read(self) -> None:
        """Read the body, with the headers before it and the footers after it."""
        body = parse_xml(self._archive.read(self._part)).find("body")
        if body is None:
            return
        self._builder.start_page()
        self._running(body, "headerReference")
        self._blocks(body)
        self._end_code()
        self._running(body, "footerReference")

    def _root_of(self, kind: str) -> Element | None:
        """Return the root of the part with relationships of *kind*."""
        part = self._part_of(kind)
        return None if part is None else parse_xml(self._archive.read(part))

    def _part_of(self, kind: str) -> str | None:
        for target in self._targets.values():
            if target.kind == kind and not target.external and target.name in self._archive:
                return target.name
        return None

    def _running(self, body: Element, tag: str) -> None:
        """Add the headers or footers of the first section that has some."""
        done: set[str] = set()
        for section in body.iter("sectPr"):
            for reference in section.iter(tag):
                target = self._targets.get(reference.get("r:id", ""))
                if target and target.name in self._archive and target.name not in done:
                    done.add(target.name)
                    root = parse_xml(self._archive.read(target.name))
                    for paragraph in _paragraphs_in(root):
                        runs = self._runs(paragraph, target.name)
                        self._builder.running(_RUNNING[tag], runs)
            if done:
                return

    def _blocks(self, parent: Iterable[Element]) -> None:
        for child in parent:
            if child.tag == "p":
                self._paragraph(child)
            elif child.tag == "tbl":
                self._end_code()
                self._builder.table(read_table(child, self._builder.budget, self._cell_runs))
                self._has_blocks = True
                held, self._held = self._held, []
                self._add_drawn(held)
            elif child.tag == "altChunk":
                self._add_chunk(self._targets.get(child.get("r:id", "")))
            elif child.tag in _INSIDE or child.tag == "AlternateContent":
                self._blocks(child)

    def _runs(self, paragraph: Element, part: str | None) -> list[Span]:
        """Return only the text of *paragraph*, which is in another *part* than the body."""
        if part not in self._targets_of:
            known = {} if part is None else relationships_of(self._archive, part)
            self._targets_of[part] = known
        found = pieces_of(paragraph, replace(self._references, targets=self._targets_of[part]))
        return [piece for piece in found if isinstance(piece, Span)]

    def _cell_runs(self, paragraph: Element) -> list[Span]:
        """Return the text of *paragraph*, and hold what is drawn in it."""
        found = list(pieces_of(paragraph, self._references))
        self._held += (piece for piece in found if not isinstance(piece, Span))
        return [piece for piece in found if isinstance(piece, Span)]

    def _paragraph(self, paragraph: Element) -> None:
        properties = paragraph.find("pPr")
        if properties is not None and is_on(properties.find("pageBreakBefore")):
            self._start_page()
        pieces = list(pieces_of(paragraph, self._references))
        before, inside = _page_breaks(pieces)
        if before:
            self._start_page()
        self._add_paragraph([one for one in pieces if isinstance(one, Span)], properties)
        self._add_drawn(pieces)
        if inside:  # the paragraph goes on on the next page
            self._start_page()

    def _start_page(self) -> None:
        """Start a page, unless the last page has no block yet."""
        self._end_code()
        if self._has_blocks:
            self._builder.start_page()
            self._has_blocks = False

    def _add_paragraph(self, runs: list[Span], properties: Element | None) -> None:
        style = self._style_of(properties)
        if style.is_code:
            self._code.append("".join(one.text for one in runs))
            return
        self._end_code()
        self._has_blocks |= any(one.text.strip() for one in runs)
        marker, depth = self._marker(properties, style)
        level = outline_level(properties) or style.heading
        if level:
            self._builder.heading([_prefix(marker), *runs] if marker else runs, level)
        elif style.is_caption:
            self._builder.caption(runs)
        elif marker and any(one.text.strip() for one in runs):
            self._builder.item(runs, depth=depth, marker=marker)
        else:
            self._builder.paragraph(runs)

    def _style_of(self, properties: Element | None) -> ParagraphStyle:
        named = None if properties is None else properties.find("pStyle")
        return ParagraphStyle() if named is None else self._styles.style(named.get("val", ""))

    def _marker(self, properties: Element | None, style: ParagraphStyle) -> tuple[str | None, int]:
        """Return the bullet or number of a paragraph, and its depth."""
        number_id, level = style.number_id, style.level
        own = None if properties is None else properties.find("numPr")
        if own is not None:
            own_id, level = number_of(own)
            number_id = own_id or number_id
        if number_id in (None, _NO_LIST):
            return None, 0
        return self._numbering.marker(number_id, level), max(level, style.depth)

    def _end_code(self) -> None:
        if self._code:
            self._builder.code("\n".join(self._code))
            self._code.clear()
            self._has_blocks = True

    def _add_drawn(self, pieces: Sequence[Piece]) -> None:
        """Add what is drawn in a paragraph or a table, its notes and its text boxes."""
        self._add_pictures(one for one in pieces if isinstance(one, Picture))
        for one in pieces:
            if isinstance(one, Chart):
                self._add_part(one.target.name, add_chart)
            elif isinstance(one, Diagram):
                self._add_part(one.target.name, add_diagram)
        self._add_notes()
        for box in (one.element for one in pieces if isinstance(one, Embedded)):
            self._blocks(box)

    def _add_chunk(self, target: Target | None) -> None:
        """Add a part in HTML, of which programs make a document that Word converts later."""
        if target is not None and not target.external:
            self._end_code()
            self._add_part(target.name, self._add_html)

    def _add_pictures(self, pictures: Iterable[Picture]) -> None:
        for picture in pictures:
            if picture.target.name in self._archive:
                load = partial(self._archive.read, picture.target.name)
                self._builder.picture(load, picture.text)
                self._has_blocks = True

    def _add_part(self, name: str, add: AddPart) -> None:
        """Add the part *name* by *add*, if it is there."""
        if name in self._archive:
            add(self._archive.read(name), self._builder)
            self._has_blocks = True

    def _add_notes(self) -> None:
        for marker, note in self._notes.referenced():
            part = self._part_of(f"{note.tag}s")
            paragraphs = _paragraphs_in(note)
            runs = [one for each in paragraphs for one in (*self._runs(each, part), _gap())]
            self._builder.footnote(marker, runs)


def _paragraphs_in(element: Element) -> Iterator[Element]:
    """Yield the paragraphs in *element*, also of text boxes, but each text box once."""
    for child in element:
        if child.tag == "p":
            yield child
        if child.tag != "Fallback":  # the same for older programs
            yield from _paragraphs_in(child)


def _page_breaks(pieces: Iterable[Piece]) -> tuple[bool, bool]:
    """Return whether a page starts before the text in *pieces*, and whether one starts in it."""
    before = inside = has_text = False
    for piece in pieces:
        if isinstance(piece, PageBreak):
            before, inside = before or not has_text, inside or has_text
        elif isinstance(piece, Span):
            has_text = has_text or bool(piece.text.strip())
    return before, inside


def _prefix(marker: str | None) -> Span:
    return Span(f"{marker} " if marker and any(map(str.isalnum, marker)) else "", 0.0)


def _gap() -> Span:
    return Span(" ", 0.0)
