"""Writes blocks as HTML: headings, lists, tables with cells over several places, links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby

from secretary_documents.pdf.layout.model import (
    Block,
    Cell,
    Kind,
    Line,
    Markup,
    Span,
    Table,
    shown,
)
from secretary_documents.pdf.writers.markup import join_lines

_TAGS = {
    Kind.CAPTION: '<p class="caption">{}</p>',
    Kind.FORMULA: '<p class="formula">{}</p>',
    Kind.FOOTNOTE: '<p class="footnote">{}</p>',
    Kind.FIGURE: "<figure>{}</figure>",
    Kind.HEADER: "<header>{}</header>",
    Kind.FOOTER: "<footer>{}</footer>",
}

_MARKS = ((Markup.CODE, "code"), (Markup.ITALIC, "em"), (Markup.BOLD, "strong"))


def to_html(blocks: Iterable[Block], *, keep_headers: bool = False) -> str:
    """Return *blocks* as a fragment of HTML, without the elements ``html`` and ``body``."""
    kept = shown(blocks, keep_headers=keep_headers)
    pieces: list[str] = []
    for list_tag, group in groupby(kept, _list_tag):
        if list_tag:
            pieces.append(_list_of(list(group), list_tag))
        else:
            pieces += map(_piece, group)
    return "\n".join(pieces)


def _list_tag(block: Block) -> str:
    if block.kind is not Kind.LIST_ITEM:
        return ""
    return "ol" if _digits(block).isdecimal() else "ul"


def _digits(item: Block) -> str:
    return item.marker.strip("().")


def _list_of(items: Sequence[Block], tag: str) -> str:
    """Return *items* as a list that keeps the first number. Letters stay in the text of items."""
    first = int(_digits(items[0])) if tag == "ol" else 1
    start = f' start="{first}"' if first != 1 else ""
    return f"<{tag}{start}>{''.join(map(_item, items))}</{tag}>"


def _item(item: Block) -> str:
    letters = _digits(item)
    has_letters = letters.isalnum() and not letters.isdecimal()
    marker = f"{escape(item.marker)} " if has_letters else ""
    return f"<li>{marker}{_text_of(item.lines)}</li>"


def _piece(block: Block) -> str:
    if block.table:
        return _table(block.table)
    if block.kind is Kind.CODE:
        language = f' class="language-{escape(block.language)}"' if block.language else ""
        return f"<pre><code{language}>{escape(block.code())}</code></pre>"
    text = _text_of(block.lines)
    if block.marker:
        text = f"{escape(block.marker)} {text}"
    if block.kind is Kind.HEADING:
        return f"<h{block.level}>{text}</h{block.level}>"
    if block.file:
        text = f"{image_element(block.file)}{text}"
    return _TAGS.get(block.kind, "<p>{}</p>").format(text)


def image_element(file: str) -> str:
    """Return the HTML that shows the picture in *file*."""
    return f'<img src="{escape(file)}" alt="">'


def _text_of(lines: Sequence[Line]) -> str:
    return join_lines(_linked(line) for line in lines)


def _linked(line: Line) -> str:
    runs = groupby(line.spans, lambda span: span.link)
    texts = ((target, "".join(_marked(spans))) for target, spans in runs)
    return "".join(
        text if target is None else f'<a href="{escape(target)}">{text}</a>'
        for target, text in texts
    )


def _marked(spans: Iterable[Span]) -> Iterator[str]:
    for markup, group in groupby(spans, lambda span: span.markup):
        text = escape("".join(span.text for span in group))
        for mark, tag in _MARKS if markup and text.strip() else ():
            text = f"<{tag}>{text}</{tag}>" if mark in markup else text
        yield text


def _table(table: Table) -> str:
    rows = []
    for number, cells in groupby(table.filled(), lambda cell: cell.row):
        tag = "th" if number < table.head_rows else "td"
        rows.append(f"<tr>{''.join(_cell(cell, tag) for cell in cells)}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _cell(cell: Cell, tag: str) -> str:
    down = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    wide = f' colspan="{cell.column_span}"' if cell.column_span > 1 else ""
    return f"<{tag}{wide}{down}>{escape(cell.text)}</{tag}>"
