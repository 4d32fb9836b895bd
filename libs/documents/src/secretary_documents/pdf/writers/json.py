"""Writes blocks as JSON, each with its kind, page, box, place in the reading order and method."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from secretary_documents.pdf.layout.model import Block, Kind, PageLayout, Table
from secretary_documents.pdf.writers.markup import join_lines


def to_json(layout: PageLayout) -> str:
    """Return *layout* as a JSON object. Repeated headers and footers are always in it.

    A page without a size, such as a sheet, has no boxes.
    """
    blocks = [_block(block, order, layout) for order, block in enumerate(layout.blocks)]
    size = {"width": round(layout.width, 1), "height": round(layout.height, 1)}
    if not layout.width:
        size = {}
    return json.dumps({"page": layout.number, **size, "blocks": blocks}, ensure_ascii=False)


def _block(block: Block, order: int, layout: PageLayout) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": block.kind.value,
        "page": layout.number,
        "order": order,
        "box": [round(side, 1) for side in layout.shown(block.box)] if layout.width else None,
        "text": _text(block),
        "method": block.method,
        "confidence": block.confidence,
        "level": block.level or None,
        "marker": block.marker or None,
        "repeated": block.repeated or None,
        "links": _links(block) or None,
        "image": block.file or None,
        "language": block.language or None,
    }
    if block.table:
        found |= {"text": "", "table": _table(block.table)}
    return {key: value for key, value in found.items() if value is not None}


def _text(block: Block) -> str:
    if block.kind is Kind.CODE:
        return block.code()
    return join_lines(line.text for line in block.lines)


def _links(block: Block) -> list[dict[str, str]]:
    """Return the linked texts of *block* with their addresses."""
    spans = [span for line in block.lines for span in line.spans]
    groups = groupby(spans, lambda span: span.link)
    return [
        {"text": " ".join("".join(span.text for span in linked).split()), "url": target}
        for target, linked in groups
        if target
    ]


def _table(table: Table) -> dict[str, Any]:
    cells = [
        {
            "row": cell.row,
            "column": cell.column,
            "row_span": cell.row_span,
            "column_span": cell.column_span,
            "text": cell.text,
        }
        for cell in table.cells
    ]
    size = {"rows": table.rows, "columns": table.columns, "head_rows": table.head_rows}
    return {**size, "cells": cells}
