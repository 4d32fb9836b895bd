"""Joins paragraphs and tables that continue on the next page.

The rest of a paragraph moves to the page where it begins. So do the rows of a table, without a
repeated head. In JSON each row of such a table has its page, and a paragraph stays on its page and
has ``continues``. Plain text keeps the lines of each page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from secretary_common.models import JsonObject
from secretary_documents.pdf.joining.continuation import (
    Edge,
    Place,
    continues,
    is_continued_caption,
)
from secretary_documents.pdf.layout.model import Kind
from secretary_documents.pdf.page import Page
from secretary_documents.pdf.writers.markup import join_lines

_TAG = re.compile(r"<[^<>]{0,100}>")
_TAGGED = re.compile(r"<(p)>(.*)</p>", re.DOTALL)


@dataclass(slots=True)
class _Change:
    """What one page gets of the pages after it, and gives to the page before it."""

    after: list[Page] = field(default_factory=list)
    """The pages whose first block continues the last block of this page."""
    gives: bool = False
    """Whether the first block continues the page before."""


def join_pages(pages: Sequence[Page]) -> list[Page]:
    """Return *pages*, each with the whole of its last paragraph or table."""
    changes = [_Change() for _ in pages]
    holder = 0
    for index, (before, page) in enumerate(pairwise(pages), start=1):
        last, first = _edge(before, "last"), _edge(page, "first")
        follows = page.number == before.number + 1
        if not (changes[index - 1].gives and before.edges.get("whole")):
            holder = index - 1
        if follows and last and first and continues(last, first):
            changes[index].gives = True
            changes[holder].after.append(page)
    return [_joined(page, change) for page, change in zip(pages, changes, strict=True)]


def _edge(page: Page, name: str) -> Edge | None:
    found = page.edges.get(name)
    return Edge.from_json(found) if found else None


def _joined(page: Page, change: _Change) -> Page:
    if not (change.after or change.gives):
        return page
    edges = [edge for name in ("first", "last") if (edge := _edge(page, name))]
    written = {output: page.as_output(output) for output in edges[0].places}
    for output, text in written.items():
        write = _with_rows if output == "json" else _with_pieces
        written[output] = write(page, text, output, change)
    outputs = {**page.outputs, **{one: written[one] for one in page.outputs if one in written}}
    main = next((output for output in written if output not in page.outputs), None)
    return replace(page, text=written[main] if main else page.text, outputs=outputs)


def _place(page: Page, name: str, output: str) -> Place:
    edge = _edge(page, name)
    return edge.places[output] if edge else (0, 0)


def _piece(page: Page, name: str, output: str) -> str:
    return page.as_output(output)[slice(*_place(page, name, output))]


def _with_pieces(page: Page, text: str, output: str, change: _Change) -> str:
    """Return the Markdown or HTML of *page* with the paragraph or the rows of other pages."""
    if change.after and (last := _edge(page, "last")):
        start, end = last.places[output]
        pieces = [text[start:end], *(_piece(one, "first", output) for one in change.after)]
        join = _TABLES[output] if last.kind == Kind.TABLE else _JOINS[output]
        text = f"{text[:start]}{join(pieces)}{text[end:]}"
    if change.gives and (first := _edge(page, "first")):
        start, end = first.places[output]
        gap = "\n\n" if output == "markdown" else "\n"
        before = text[:start].rstrip()
        if first.kind == Kind.TABLE:
            before = _without_caption(before, gap)
        text = gap.join(part for part in (before, text[end:].lstrip()) if part)
    return text


def _without_caption(text: str, gap: str) -> str:
    """Return *text* without the caption at its end if it says that a table is continued."""
    before, _, last = text.rpartition(gap)
    return before if is_continued_caption(_TAG.sub("", last)) else text


def _html_paragraph(pieces: Sequence[str]) -> str:
    inner = (match[2] if (match := _TAGGED.fullmatch(piece)) else piece for piece in pieces)
    return f"<p>{join_lines(inner)}</p>"


def _markdown_table(pieces: Sequence[str]) -> str:
    """Return the tables as one. A first row that repeats the head is left out."""
    first, *others = (piece.split("\n") for piece in pieces)
    rows = list(first)
    for head, _, *body in others:
        rows += body if head == first[0] else [head, *body]
    return "\n".join(rows)


def _html_table(pieces: Sequence[str]) -> str:
    rows: list[str] = []
    for piece in pieces:
        found = _html_rows(piece)
        if rows and found and found[0] == rows[0]:
            found = found[1:]
        elif rows:
            found = [row.replace("<th", "<td").replace("</th>", "</td>") for row in found]
        rows += found
    return f"<table>{''.join(rows)}</table>"


def _html_rows(piece: str) -> list[str]:
    parts = piece.split("<tr>")[1:]
    return [f"<tr>{part.partition('</tr>')[0]}</tr>" for part in parts if "</tr>" in part]


_JOINS = {"markdown": join_lines, "html": _html_paragraph}
_TABLES = {"markdown": _markdown_table, "html": _html_table}


def _with_rows(page: Page, text: str, output: str, change: _Change) -> str:
    """Return the JSON of *page*: a table gets the rows of other pages, with their pages."""
    first, last = _edge(page, "first"), _edge(page, "last")
    layout = json.loads(text)
    blocks = layout["blocks"]
    if change.after and last and last.kind == Kind.TABLE:
        whole = blocks[last.places[output][0]]
        whole["table"]["row_pages"] = [page.number] * whole["table"]["rows"]
        for one in change.after:
            at = _place(one, "first", output)[0]
            _add_rows(whole, json.loads(one.as_output(output))["blocks"][at], one.number)
    if change.gives and first:
        at = first.places[output][0]
        if first.kind == Kind.TABLE:
            del blocks[at]
            if at and is_continued_caption(blocks[at - 1]["text"]):
                del blocks[at - 1]
        else:
            blocks[at]["continues"] = True
    for order, block in enumerate(blocks):
        block["order"] = order
    return json.dumps(layout, ensure_ascii=False)


def _add_rows(whole: JsonObject, block: JsonObject, page: int) -> None:
    table, more = whole["table"], block["table"]
    skipped = int(_row_texts(more, 0) == _row_texts(table, 0))
    shift = table["rows"] - skipped
    table["cells"] += [
        {**cell, "row": cell["row"] + shift} for cell in more["cells"] if cell["row"] >= skipped
    ]
    table["rows"] += more["rows"] - skipped
    table["row_pages"] += [page] * (more["rows"] - skipped)
    whole.setdefault("continued_at", []).append({"page": page, "box": block["box"]})


def _row_texts(table: JsonObject, row: int) -> list[tuple[int, str]]:
    return sorted((cell["column"], cell["text"]) for cell in table["cells"] if cell["row"] == row)
