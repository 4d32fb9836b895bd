"""Reads OpenDocument texts and presentations (odt, odp) block by block."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.packages.archive import Archive
from secretary_documents.formats.packages.number_form import BULLET
from secretary_documents.formats.packages.open_document.inline import (
    SHAPES,
    notes_in,
    plain_text,
    runs_in,
    shapes_in,
)
from secretary_documents.formats.packages.open_document.meta import add_meta, check_encryption
from secretary_documents.formats.packages.open_document.styles import Styles
from secretary_documents.formats.packages.open_document.tables import read_table
from secretary_documents.formats.packages.open_xml import text_of
from secretary_documents.formats.packages.xml import parse_xml
from secretary_documents.pdf.layout.model import Kind, Span

_GROUPS = frozenset(
    {
        *("section", "index-body", "table-of-content", "text-box", "illustration-index"),
        *("index-title", "alphabetical-index", "bibliography", "user-index", "table-index"),
        *("object-index", "numbered-paragraph", "g", "a"),
    }
)
# By the class of a placeholder on a slide.
_RUNNING = {
    "header": Kind.HEADER,
    "footer": Kind.FOOTER,
    "date-time": Kind.FOOTER,
    "page-number": Kind.FOOTER,
}


def read_open_document(path: str, builder: Builder) -> None:
    """Read the OpenDocument file at *path* into *builder*."""
    archive = Archive(path, builder.limits)
    check_encryption(archive)
    OpenDocumentReader(archive, builder).read()


class OpenDocumentReader:
    """Reads one OpenDocument file."""

    def __init__(self, archive: Archive, builder: Builder) -> None:
        self._archive = archive
        self._builder = builder
        self._root = parse_xml(archive.read("content.xml"))
        styles = archive.read_if_there("styles.xml")
        self._styles_root = None if styles is None else parse_xml(styles)
        roots = (self._root, self._styles_root)
        self._styles = Styles(root for root in roots if root is not None)
        self._last_numbers: dict[tuple[str, int], int] = {}
        """The number of the last item of a list, by its style or its id, and by its depth."""
        self._readers: dict[str, Callable[[Element], None]] = {
            "h": self._heading,
            "p": self._paragraph,
            "list": self._add_list,
            "table": self._add_table,
            "soft-page-break": lambda _: self._start_page(),
            **dict.fromkeys(SHAPES, self._frame),
        }

    def read(self) -> None:
        """Read the title, the running heads and the body."""
        add_meta(self._archive, self._builder)
        body = self._root.find("body")
        for content in () if body is None else body:
            if content.tag == "presentation":
                self._slides(content)
            else:
                self._builder.start_page()
                self._running("header", Kind.HEADER)
                self._blocks(content)
                self._running("footer", Kind.FOOTER)

    def _running(self, tag: str, kind: Kind) -> None:
        masters = () if self._styles_root is None else self._styles_root.iter("master-page")
        for element in (one.find(tag) for one in masters):
            for paragraph in () if element is None else element.iter("p"):
                self._builder.running(kind, self._runs(paragraph))

    def _slides(self, content: Element) -> None:
        for slide in content.iter("page"):
            titles = [frame for frame in slide if frame.get("class") == "title"]
            named = plain_text(titles[0].iter("p")) if titles else ""
            self._builder.start_page(named or slide.get("name"))
            for frame in titles:
                self._builder.heading([run(plain_text(frame.iter("p")))], 1)
            for frame in slide:
                if frame.tag == "notes":
                    self._notes(frame)
                elif frame not in titles:
                    self._blocks([frame])

    def _notes(self, notes: Element) -> None:
        frames = [one for one in notes if one.get("class") not in _RUNNING]
        if any("".join(one.itertext()).strip() for one in frames):
            self._builder.heading([run("Notes")], 3)
            self._blocks(frames)

    def _blocks(self, parent: Iterable[Element]) -> None:
        for child in parent:
            if child.tag in _GROUPS and child.get("display") != "none":
                self._blocks(child)
            elif read := self._readers.get(child.tag):
                read(child)

    def _runs(self, element: Element) -> Iterator[Span]:
        is_hidden = self._styles.is_hidden(element)
        return iter(()) if is_hidden else runs_in(element, self._styles.markup)

    def _start_page(self) -> None:
        if self._builder.has_blocks:
            self._builder.start_page()

    def _heading(self, element: Element, number: str = "") -> None:
        self._break(element, "break-before")
        runs = [run(number), *self._runs(element)]
        self._builder.heading(runs, int(element.get("outline-level", "1")))
        self._extras(element)

    def _add_table(self, element: Element) -> None:
        self._break(element, "break-before")
        self._builder.table(read_table(element, self._builder.budget))
        self._add_drawn(element)

    def _add_list(self, element: Element) -> None:
        self._list(element, 0, element.get("style-name", ""))

    def _paragraph(self, element: Element) -> None:
        self._break(element, "break-before")
        if self._styles.is_code(element):
            self._builder.code("".join(one.text for one in self._runs(element)))
        elif self._styles.is_title(element):
            self._builder.heading(self._runs(element), 1)
        elif self._styles.is_caption(element):
            self._builder.caption(self._runs(element))
        else:
            self._builder.paragraph(self._runs(element))
        self._extras(element)

    def _break(self, element: Element, place: str) -> None:
        if self._styles.breaks_page(element, place):
            self._start_page()

    def _extras(self, element: Element) -> None:
        """Add what is drawn in a paragraph, and the page break in it or after it."""
        self._add_drawn(element)
        if element.find(".//soft-page-break") is not None:
            self._start_page()
        self._break(element, "break-after")

    def _add_drawn(self, element: Element) -> None:
        """Add the notes, the pictures and the text boxes in a paragraph or a table."""
        for note in notes_in(element):
            citation, body = note.find("note-citation"), note.find("note-body")
            marker = "" if citation is None else (citation.text or "")
            if body is not None:
                runs = [span for one in body.iter("p") for span in (*self._runs(one), run(" "))]
                self._builder.footnote(f"[{marker}]", runs)
        for shape in shapes_in(element):
            self._frame(shape)

    def _frame(self, frame: Element) -> None:
        if kind := _RUNNING.get(frame.get("class", "")):
            self._builder.running(kind, [run(plain_text(frame.iter("p")))])
            return
        for child in frame:
            if self._shown(frame, child):
                return  # what follows is another form of it, such as a picture of a table

    def _shown(self, frame: Element, child: Element) -> bool:
        """Add *child* of a frame. Return whether it is all that the frame shows."""
        if child.tag == "image":
            return self._picture(frame, child.get("href", ""))
        if child.tag == "object":
            return self._object(child.get("href", ""))
        if child.tag == "table":
            self._add_table(child)
            return True
        if child.tag in ("p", "list", "text-box"):
            self._blocks([child])
        return False

    def _picture(self, frame: Element, name: str) -> bool:
        if name not in self._archive:
            return False
        description = text_of(frame.find("desc")) or text_of(frame.find("title")) or ""
        self._builder.picture(partial(self._archive.read, name), description)
        return True

    def _object(self, folder: str) -> bool:
        """Add a chart or a formula, which is a file of its own in *folder*."""
        content = self._archive.read_if_there(posixpath.normpath(f"{folder}/content.xml"))
        if content is None:
            return False
        root = parse_xml(content)
        if root.tag == "math":
            return self._formula(root)
        chart = root.find("./body/chart/chart")
        table = None if chart is None else chart.find("table")
        if chart is None or table is None:
            return False
        if (title := chart.find("title")) is not None:
            self._builder.caption([run(plain_text(title.iter("p")))])
        self._builder.table(read_table(table, self._builder.budget))
        return True

    def _formula(self, root: Element) -> bool:
        """Add a formula (MathML) as the program's user has written it, else its signs."""
        written = text_of(root.find(".//annotation")) or " ".join("".join(root.itertext()).split())
        self._builder.paragraph([run(written)])
        return bool(written)

    def _list(self, element: Element, depth: int, style: str) -> None:
        level = self._styles.list_level(style, depth)
        number = self._last_number(element, depth, style, level.start - 1)
        for item in element:
            if item.tag not in ("list-item", "list-header"):
                continue
            has_marker = item.tag == "list-item" and any(one.tag in ("p", "h") for one in item)
            if has_marker:
                number = int(item.get("start-value", number + 1))
            marker = level.marker(number)
            for child in item:
                if child.tag == "list":
                    self._list(child, depth + 1, child.get("style-name", "") or style)
                elif child.tag in ("p", "h") and has_marker:
                    self._first_of_item(child, depth, marker)
                    has_marker = False
                else:
                    self._blocks([child])
        self._last_numbers[style, depth] = number
        if name := element.get("id"):
            self._last_numbers[name, depth] = number

    def _last_number(self, element: Element, depth: int, style: str, own: int) -> int:
        """Return the number after which the list *element* goes on; *own* if it is a new list."""
        if continued := element.get("continue-list"):
            return self._last_numbers.get((continued, depth), own)
        goes_on = element.get("continue-numbering") == "true"
        return self._last_numbers.get((style, depth), own) if goes_on else own

    def _first_of_item(self, element: Element, depth: int, marker: str) -> None:
        """Add the first block of an item: a paragraph, or a heading with its number."""
        if element.tag == "h":
            self._heading(element, f"{marker} " if marker != BULLET else "")
            return
        self._break(element, "break-before")
        self._builder.item(self._runs(element), depth=depth, marker=marker)
        self._extras(element)
