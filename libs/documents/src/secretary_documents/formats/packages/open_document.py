"""Reads OpenDocument texts and presentations (odt, odp)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.limits import encrypted
from secretary_documents.formats.packages.archive import Archive
from secretary_documents.formats.packages.open_xml import text_of
from secretary_documents.formats.packages.xml import parse_xml
from secretary_documents.formats.table_builder import TableBuilder
from secretary_documents.pdf.layout.model import Kind, Span

_MOST_BLANKS = 100
_GROUPS = frozenset(
    {
        *("section", "index-body", "table-of-content", "text-box", "illustration-index"),
        *("index-title", "alphabetical-index", "bibliography", "user-index", "g"),
    }
)
_NOT_SHOWN = frozenset(
    {"tracked-changes", "annotation", "annotation-end", "forms", "desc", "title", "frame"}
)
_CODE = ("Preformatted", "Source_20_Code", "Code")
_MOST_REPEATS = 1000


def read_open_document(path: str, builder: Builder) -> None:
    """Read the OpenDocument file at *path* into *builder*."""
    archive = Archive(path, builder.limits)
    manifest = archive.read_if_there("META-INF/manifest.xml")
    if manifest is not None and b"encryption-data" in manifest:
        raise encrypted()
    OpenDocumentReader(archive, builder).read()


class OpenDocumentReader:
    """Reads one OpenDocument file."""

    def __init__(self, archive: Archive, builder: Builder) -> None:
        self._archive = archive
        self._builder = builder
        self._root = parse_xml(archive.read("content.xml"))
        styles = archive.read_if_there("styles.xml")
        self._styles_root = None if styles is None else parse_xml(styles)
        self._parents = {
            one.get("name", ""): one.get("parent-style-name", "")
            for root in (self._root, self._styles_root)
            for one in (() if root is None else root.iter("style"))
        }
        self._numbered = self._numbered_lists()
        self._readers: dict[str, Callable[[Element], None]] = {
            "h": self._heading,
            "p": self._paragraph,
            "list": self._add_list,
            "table": self._add_table,
            "soft-page-break": self._page_break,
            "frame": self._frame,
            "custom-shape": self._frame,
        }

    def read(self) -> None:
        """Read the title, the running heads and the body."""
        if meta := self._archive.read_if_there("meta.xml"):
            root = parse_xml(meta)
            self._builder.title = text_of(root.find(".//title"))
            found = text_of(root.find(".//creator")) or text_of(root.find(".//initial-creator"))
            self._builder.author = found
        body = self._root.find("body")
        for content in () if body is None else body:
            if content.tag == "presentation":
                self._slides(content)
            else:
                self._builder.start_page()
                self._running("header", Kind.HEADER)
                self._blocks(content)
                self._running("footer", Kind.FOOTER)

    def _numbered_lists(self) -> set[str]:
        """Return the names of the list styles whose first level has numbers."""
        found = set()
        for root in (self._root, self._styles_root):
            for one in () if root is None else root.iter("list-style"):
                first = next(iter(one), None)
                if first is not None and first.tag == "list-level-style-number":
                    found.add(one.get("name", ""))
        return found

    def _running(self, tag: str, kind: Kind) -> None:
        masters = () if self._styles_root is None else self._styles_root.iter("master-page")
        for element in (one.find(tag) for one in masters):
            for paragraph in () if element is None else element.iter("p"):
                self._builder.running(kind, self._runs(paragraph))

    def _slides(self, content: Element) -> None:
        for slide in content.iter("page"):
            self._builder.start_page(slide.get("name"))
            for frame in slide:
                if frame.tag == "notes":
                    paragraphs = list(frame.iter("p"))
                    if any("".join(one.itertext()).strip() for one in paragraphs):
                        self._builder.heading([run("Notes")], 3)
                    self._blocks(paragraphs)
                elif frame.get("class") == "title":
                    text = "".join(span.text for one in frame.iter("p") for span in self._runs(one))
                    self._builder.heading([run(text)], 1)
                else:
                    self._blocks([frame])

    def _blocks(self, parent: Iterable[Element]) -> None:
        for child in parent:
            if child.tag in _GROUPS:
                self._blocks(child)
            elif read := self._readers.get(child.tag):
                read(child)

    def _heading(self, element: Element) -> None:
        self._builder.heading(self._runs(element), int(element.get("outline-level", "1")))
        self._extras(element)

    def _page_break(self, _: Element) -> None:
        self._builder.start_page()

    def _add_table(self, element: Element) -> None:
        self._builder.table(self._table(element))

    def _add_list(self, element: Element) -> None:
        self._list(element, 0, element.get("style-name", ""))

    def _paragraph(self, element: Element) -> None:
        style = element.get("style-name", "")
        names = {style, self._parents.get(style, "")}
        runs = self._runs(element)
        if any(name.startswith(_CODE) for name in names):
            self._builder.code("".join(one.text for one in runs))
        elif "Title" in names:
            self._builder.heading(runs, 1)
        elif names & {"Caption", "Table", "Illustration", "Figure"}:
            self._builder.caption(runs)
        else:
            self._builder.paragraph(runs)
        self._extras(element)

    def _extras(self, element: Element) -> None:
        """Add the notes and the pictures in a paragraph."""
        for note in element.iter("note"):
            citation, body = note.find("note-citation"), note.find("note-body")
            marker = "" if citation is None else (citation.text or "")
            if body is not None:
                runs = [span for one in body.iter("p") for span in (*self._runs(one), run(" "))]
                self._builder.footnote(f"[{marker}]", runs)
        for frame in element.iter("frame"):
            self._frame(frame)

    def _frame(self, frame: Element) -> None:
        for child in frame:
            if child.tag == "image":
                name = child.get("href", "")
                description = text_of(frame.find("desc")) or text_of(frame.find("title")) or ""
                if name in self._archive:
                    self._builder.picture(partial(self._archive.read, name), description)
                    return
            elif child.tag == "table":
                self._builder.table(self._table(child))
            elif child.tag in ("p", "list", "text-box"):
                self._blocks([child])

    def _list(self, element: Element, depth: int, style: str) -> None:
        number = 0
        for item in element:
            if item.tag not in ("list-item", "list-header"):
                continue
            number += 1
            marker = f"{number}." if style in self._numbered else "•"
            for child in item:
                if child.tag in ("p", "h"):
                    self._builder.item(self._runs(child), depth=depth, marker=marker)
                    self._extras(child)
                elif child.tag == "list":
                    self._list(child, depth + 1, child.get("style-name", "") or style)

    def _table(self, element: Element) -> TableBuilder:
        table = TableBuilder(self._builder.budget)
        heads = sum(len(list(one.iter("table-row"))) for one in element.iter("table-header-rows"))
        for row in _rows(element):
            table.row()
            for cell in row:
                if cell.tag == "table-cell":
                    repeats = min(int(cell.get("number-columns-repeated", "1")), _MOST_REPEATS)
                    for _ in range(repeats):
                        table.cell(
                            self._cell_text(cell),
                            row_span=int(cell.get("number-rows-spanned", "1")),
                            column_span=int(cell.get("number-columns-spanned", "1")),
                        )
        table.head_rows = max(heads, 1)
        return table

    def _cell_text(self, cell: Element) -> str:
        texts = []
        for child in cell:
            if child.tag in ("p", "h"):
                texts.append("".join(span.text for span in self._runs(child)))
            elif child.tag == "table":
                rows = (
                    ", ".join(filter(None, (self._cell_text(one) for one in row)))
                    for row in _rows(child)
                )
                texts.append("; ".join(filter(None, rows)))
            else:
                texts.append(self._cell_text(child))
        return " ".join(filter(None, texts))

    def _runs(self, element: Element, link: str | None = None) -> list[Span]:
        return list(_runs_in(element, link))


def _rows(table: Element) -> Iterator[Element]:
    for child in table:
        if child.tag == "table-row":
            yield child
        elif child.tag in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _rows(child)


def _runs_in(element: Element, link: str | None) -> Iterator[Span]:
    """Yield the text in *element*. Notes become their marks, and frames are left out."""
    if element.text:
        yield run(_blanks(element.text), link=link)
    for child in element:
        if child.tag == "a":
            yield from _runs_in(child, child.get("href"))
        elif (text := _character(child)) is not None:
            yield run(text, link=link)
        elif child.tag not in _NOT_SHOWN:
            yield from _runs_in(child, link)
        if child.tail:
            yield run(_blanks(child.tail), link=link)


def _character(element: Element) -> str | None:
    """Return the text for which *element* stands; None if its text is inside of it."""
    if element.tag == "s":
        return " " * min(int(element.get("c", "1")), _MOST_BLANKS)
    if element.tag == "note":
        citation = element.find("note-citation")
        return "" if citation is None else f"[{citation.text or ''}]"
    return {"tab": "\t", "line-break": "\n"}.get(element.tag)


def _blanks(text: str) -> str:
    """Return *text* with blanks for line ends, which mean nothing in the file."""
    return text.replace("\n", " ").replace("\r", " ").replace("\t", " ")
