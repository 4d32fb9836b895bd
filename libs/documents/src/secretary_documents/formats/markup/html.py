"""Reads HTML block by block, without recursion, because pages may be nested deeply.

A table that has tables inside, or one cell in each row, only arranges a page: its cells are read as
blocks. Scripts, styles and hidden elements are left out, and nothing is fetched.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote_to_bytes

from selectolax.lexbor import LexborHTMLParser, LexborNode

from secretary_documents.formats.builder import Builder, Load, run
from secretary_documents.formats.limits import damaged
from secretary_documents.formats.markup.html_lists import HtmlLists
from secretary_documents.formats.markup.html_marks import MARKS, language_of, markup_of
from secretary_documents.formats.markup.html_table import HtmlTable
from secretary_documents.formats.table_builder import TableBuilder
from secretary_documents.pdf.layout.model import Markup, Span
from secretary_documents.web.readable_text import formula_of, walk

FindPicture = Callable[[str], Load | None]
"""Returns how to load the picture at an address inside the file; None if it is elsewhere."""

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div"),
        *("dl", "dt", "fieldset", "figure", "footer", "form", "header", "hr", "legend", "main"),
        *("nav", "p", "section", "summary", "tbody", "td", "tfoot", "th", "thead", "tr"),
    }
)
_CAPTIONS = ("figcaption", "caption")
_LISTS = ("ul", "ol")
_CELLS = ("td", "th")
_STARTS = _BLOCKS | {*_HEADINGS, *_CAPTIONS, *_LISTS, "li", "pre", "table"}
"""The elements before and after which text is another block."""
_NO_TEXT = ("rt", "rp")
_SPACE = re.compile(r"\s+")
_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|bmp|tiff)(;base64)?,", re.IGNORECASE)
_NESTING = re.compile(
    r"</?(?:address|article|aside|blockquote|center|details|dialog|dir|div|dl|fieldset|figcaption"
    r"|figure|footer|form|header|hgroup|main|menu|nav|ol|pre|search|section|summary|table|ul)\b",
    re.IGNORECASE,
)
# Elements that have no end tag in HTML are left as they are.
_EMPTY = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)"
    r"([A-Za-z][\w:-]{0,50})((?:\s[^<>]*)?)/>"
)
_DEEPEST = 10_000
_LARGEST_SPAN = 65_534
_MOST_DIGITS = 8


def read_html(
    html: str,
    builder: Builder,
    *,
    find_picture: FindPicture | None = None,
    with_navigation: bool = True,
) -> None:
    """Read the page *html* into *builder*; *find_picture* finds pictures inside the file.

    Raises:
        PermanentError: DOCUMENT_INVALID, its elements are nested too deeply.
    """
    _check_depth(html)
    tree = LexborHTMLParser(html)
    root = tree.body or tree.root
    if root is None:
        return
    title = tree.css_first("head title")
    author = tree.css_first('head meta[name="author"]')
    builder.title = builder.title or (own_text_of(title) if title else None)
    if author and not builder.author:
        builder.author = (author.attributes.get("content") or "").strip() or None
    _HtmlReader(builder, find_picture).read(root, with_navigation=with_navigation)


def _check_depth(html: str) -> None:
    """Refuse deeply nested elements: the time of the parser grows with the square of the depth.

    Elements that often have no end, such as ``p`` and ``li``, do not count.
    """
    depth = 0
    for tag in _NESTING.finditer(html):
        depth += -1 if tag[0].startswith("</") else 1
        if depth > _DEEPEST:
            raise damaged("the elements of the page are nested too deeply")
        depth = max(depth, 0)


def with_end_tags(xhtml: str) -> str:
    """Return *xhtml* with an end tag for each empty element, such as ``<title/>``.

    In HTML the slash means nothing: all text up to the end tag would belong to the element.
    """
    return _EMPTY.sub(r"<\1\2></\1>", xhtml)


def own_text_of(node: LexborNode) -> str | None:
    """Return the text of *node*; None if it has none."""
    return _SPACE.sub(" ", node.text()).strip() or None


class _HtmlReader:
    """Adds blocks as the walk enters and leaves elements."""

    def __init__(self, builder: Builder, find_picture: FindPicture | None) -> None:
        self._builder = builder
        self._find_picture = find_picture
        self._runs: list[Span] = []
        self._links: list[str | None] = []
        self._marks = [Markup.NONE]
        """The markup of text, for each open element that marks text."""
        self._language = ""
        self._lists = HtmlLists()
        self._marker: str | None = None
        """The marker of the next item; None outside of items or after its first block."""
        self._heading = 0
        self._pre = 0
        self._silent = 0
        self._caption = False
        self._table: HtmlTable | None = None
        self._held: list[Load] = []
        """The pictures in the open table, which come after it."""

    def read(self, root: LexborNode, *, with_navigation: bool) -> None:
        """Read the elements below *root*."""
        for node, entering in walk(root, with_navigation=with_navigation):
            tag = node.tag or ""
            if tag == "-text":
                self._text(node.text(deep=False))
            elif tag == "math":
                self._text(formula_of(node))
            elif entering:
                self._enter(tag, node)
            else:
                self._leave(tag)
        self._flush()

    def _text(self, text: str) -> None:
        if self._silent:
            return
        link = self._links[-1] if self._links else None
        if self._pre:
            self._runs.append(run(text, link=link))
        else:
            self._runs.append(run(_SPACE.sub(" ", text), link=link, markup=self._marks[-1]))

    def _enter(self, tag: str, node: LexborNode) -> None:
        if self._enter_inline(tag, node):
            return
        if self._table:
            self._in_table(self._table, tag, node)
        elif tag in _STARTS:
            self._flush()
            self._start_block(tag, node)

    def _start_block(self, tag: str, node: LexborNode) -> None:
        if tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag in _LISTS:
            kind = node.attributes.get("type") or ""
            self._lists.open(ordered=tag == "ol", start=_number(node, "start", 1), kind=kind)
        elif tag == "li":
            self._marker = self._lists.marker(_number(node, "value", self._lists.following))
        elif tag == "pre":
            self._pre += 1
            self._language = language_of(node.attributes)
        elif tag == "table":
            self._open_table(node)
        elif tag in _CAPTIONS:
            self._caption = True

    def _enter_inline(self, tag: str, node: LexborNode) -> bool:
        if tag == "a":
            self._links.append(node.attributes.get("href"))
        elif tag in MARKS:
            self._mark(tag, node)
        elif tag in _NO_TEXT:
            self._silent += 1
        elif tag == "br":
            self._runs.append(run("\n"))
        elif tag == "img":
            self._picture(node)
        else:
            return False
        return True

    def _mark(self, tag: str, node: LexborNode) -> None:
        self._marks.append(self._marks[-1] | markup_of(tag, node.attributes))
        if self._pre and not self._language:
            self._language = language_of(node.attributes)

    def _leave(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._links.pop()
        elif tag in MARKS:
            self._marks.pop()
        elif tag in _NO_TEXT:
            self._silent = max(self._silent - 1, 0)
        elif self._table:
            self._leave_table(self._table, tag)
        elif tag in _STARTS:
            self._end_block(tag)

    def _end_block(self, tag: str) -> None:
        self._flush()
        if tag == "pre":
            self._pre = max(self._pre - 1, 0)
        elif tag == "li":
            self._marker = None
        elif tag in _LISTS:
            self._lists.close()
        else:
            self._heading, self._caption = 0, False

    def _flush(self) -> None:
        """Add the text so far as a block."""
        runs, self._runs = self._runs, []
        if not any(one.text.strip() for one in runs):
            return
        if self._pre:
            self._builder.code("".join(one.text for one in runs), self._language)
        elif self._heading:
            self._builder.heading(runs, self._heading)
        elif self._caption:
            self._builder.caption(runs)
        elif self._marker is not None:
            self._builder.item(runs, depth=self._lists.depth, marker=self._marker)
            self._marker = None
        else:
            self._builder.paragraph(runs)

    def _picture(self, node: LexborNode) -> None:
        source = node.attributes.get("src") or ""
        text = node.attributes.get("alt") or ""
        load = _data_of(source) or (self._find_picture(source) if self._find_picture else None)
        if self._table or load is None:
            self._runs.append(run(text))
            self._held += [load] if load else []
            return
        self._flush()
        self._builder.picture(load, text)

    def _open_table(self, node: LexborNode) -> None:
        self._flush()
        cells, rows = len(node.css("td, th")), len(node.css("tr"))
        if (
            len(node.css("table")) > 1
            or cells <= rows
            or node.attributes.get("role") == "presentation"
        ):
            return  # its cells are blocks
        self._table = HtmlTable(TableBuilder(self._builder.budget))

    def _in_table(self, table: HtmlTable, tag: str, node: LexborNode) -> None:
        """Enter an element of the open *table*."""
        if tag == "thead":
            table.in_head = True
        elif tag == "tr":
            self._end_cell(table)
            table.end_row()
        elif tag in _CELLS:
            self._end_cell(table)
            table.open_cell(
                row_span=_number(node, "rowspan", 1),
                column_span=_number(node, "colspan", 1),
                is_head=tag == "th",
            )
        elif tag == "caption":
            self._runs = []
        elif tag in _STARTS:
            self._runs.append(run(" "))

    def _leave_table(self, table: HtmlTable, tag: str) -> None:
        if tag in ("table", "thead", "tr", *_CELLS):
            self._end_cell(table)
        if tag in ("table", "thead", "tr"):
            table.end_row()
        if tag == "thead":
            table.in_head = False
        elif tag == "table":
            self._table = None
            self._builder.table(table.finished())
            held, self._held = self._held, []
            for load in held:
                self._builder.picture(load)
        elif tag == "caption":
            runs, self._runs = self._runs, []
            self._builder.caption(runs)

    def _end_cell(self, table: HtmlTable) -> None:
        runs, self._runs = self._runs, []
        table.end_cell("".join(one.text for one in runs))


def _number(node: LexborNode, name: str, default: int) -> int:
    given = (node.attributes.get(name) or "").strip()
    return (
        min(int(given), _LARGEST_SPAN)
        if given.isdecimal() and len(given) <= _MOST_DIGITS
        else default
    )


def _data_of(source: str) -> Load | None:
    """Return how to load a picture that is in its address itself."""
    match = _DATA.match(source)
    if match is None:
        return None
    data = source[match.end() :]
    return partial(_decoded, data) if match[1] else partial(unquote_to_bytes, data)


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        return b""
