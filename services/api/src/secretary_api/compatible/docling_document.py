"""Our pages as a DoclingDocument, docling's JSON of a document (schema version 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secretary_common.models import JsonObject

SCHEMA_NAME = "DoclingDocument"
SCHEMA_VERSION = "1.5.0"
"""Readers refuse documents of a newer version than their own; this one has all that is here."""
_LABELS = {
    "paragraph": "text",
    "list_item": "list_item",
    "caption": "caption",
    "code": "code",
    "formula": "formula",
    "header": "page_header",
    "footer": "page_footer",
    "footnote": "footnote",
}
_FURNITURE = frozenset({"header", "footer"})
_UNKNOWN_TYPES = (None, "application/vnd.ms-outlook")
"""Docling refuses a document whose origin has a type that it does not know."""
_HASH_DIGITS = 16
"""A hash of 64 bits in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that was read."""

    filename: str
    media_type: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the document, to be embedded."""

    width: int
    height: int
    uri: str


@dataclass(slots=True)
class _Builder:
    """The parts of a document so far. Each part is named by its kind and place."""

    pictures_by_name: Mapping[str, Picture]
    parts: dict[str, list[JsonObject]] = field(
        default_factory=lambda: {"texts": [], "tables": [], "pictures": [], "groups": []}
    )
    body: list[JsonObject] = field(default_factory=list)
    sizes: dict[int, float] = field(default_factory=dict)
    """The height of each page that has a size, in points."""

    def add_page(self, page: JsonObject) -> None:
        """Add the blocks of *page*."""
        if page.get("height"):
            self.sizes[page["page"]] = page["height"]
        group: JsonObject | None = None
        for block in page.get("blocks", []):
            if block["kind"] != "list_item":
                group = None
                self._add(block)
                continue
            if group is None:
                group = self._part("groups", {"name": "list", "label": "list"}, None)
            self._text(block, group)

    def _add(self, block: JsonObject) -> None:
        if block["kind"] == "table":
            self._table(block)
        elif block["kind"] == "figure":
            self._figure(block)
        else:
            self._text(block, None)

    def _part(self, kind: str, part: JsonObject, parent: JsonObject | None) -> JsonObject:
        reference = {"$ref": f"#/{kind}/{len(self.parts[kind])}"}
        made = {
            "self_ref": reference["$ref"],
            "parent": {"$ref": parent["self_ref"] if parent else "#/body"},
            "children": [],
            "content_layer": "body",
            **part,
        }
        self.parts[kind].append(made)
        (parent["children"] if parent else self.body).append(reference)
        return made

    def _text(self, block: JsonObject, parent: JsonObject | None) -> None:
        kind, text = block["kind"], block["text"]
        part: JsonObject = {"prov": self._places(block), "orig": text, "text": text}
        if kind == "heading":
            # As docling does: the first level is a title, and the level below it is 1.
            level = block.get("level", 1)
            part |= {"label": "title"} if level == 1 else _section(level)
        else:
            part["label"] = _LABELS.get(kind, "text")
        if kind == "list_item":
            marker = block.get("marker", "-")
            part |= {"marker": marker, "enumerated": any(map(str.isalnum, marker))}
        if kind in _FURNITURE:
            part["content_layer"] = "furniture"
        links = block.get("links", [])
        if len(links) == 1 and links[0]["text"] == text:
            part["hyperlink"] = links[0]["url"]
        self._part("texts", part, parent)

    def _table(self, block: JsonObject) -> None:
        table = block["table"]
        cells = [
            {
                "row_span": cell["row_span"],
                "col_span": cell["column_span"],
                "start_row_offset_idx": cell["row"],
                "end_row_offset_idx": cell["row"] + cell["row_span"],
                "start_col_offset_idx": cell["column"],
                "end_col_offset_idx": cell["column"] + cell["column_span"],
                "text": cell["text"],
                "column_header": cell["row"] < table["head_rows"],
                "row_header": False,
                "row_section": False,
            }
            for cell in table["cells"]
        ]
        data = {"table_cells": cells, "num_rows": table["rows"], "num_cols": table["columns"]}
        places = self._places(block)
        for more in block.get("continued_at", []):
            places += self._places({**more, "text": ""})
        self._part("tables", {"label": "table", "prov": places, "data": data}, None)

    def _figure(self, block: JsonObject) -> None:
        part: JsonObject = {"label": "picture", "prov": self._places(block)}
        if picture := self.pictures_by_name.get(block.get("image", "")):
            size = {"width": picture.width, "height": picture.height}
            part["image"] = {
                "mimetype": "image/png",
                "dpi": 150,
                "size": size,
                "uri": picture.uri,
            }
        made = self._part("pictures", part, None)
        if block["text"]:
            self._text({**block, "kind": "paragraph"}, made)

    def _places(self, block: JsonObject) -> list[JsonObject]:
        """Return the place of *block*. Office files have pages without sizes, so there is none."""
        height, box = self.sizes.get(block["page"]), block.get("box")
        if height is None or not box or not any(box):
            return []
        left, top, right, bottom = box
        corners = {"l": left, "t": height - top, "r": right, "b": height - bottom}
        return [
            {
                "page_no": block["page"],
                "bbox": {**corners, "coord_origin": "BOTTOMLEFT"},
                "charspan": [0, len(block["text"])],
            }
        ]


def docling_document(
    name: str,
    pages: Sequence[JsonObject],
    origin: Origin,
    pictures: Mapping[str, Picture] | None = None,
) -> JsonObject:
    """Return the DoclingDocument of *pages*, which are objects as in the output ``json``.

    Args:
        name: the name of the document.
        pages: the pages in order.
        origin: the file.
        pictures: the pictures to embed, by the names that blocks have as ``image``.
    """
    builder = _Builder(pictures or {})
    for page in pages:
        builder.add_page(page)
    root: JsonObject = {"name": "_root_", "label": "unspecified", "children": []}
    return {
        "schema_name": SCHEMA_NAME,
        "version": SCHEMA_VERSION,
        "name": name,
        **_origin(origin),
        "furniture": {**root, "self_ref": "#/furniture", "content_layer": "furniture"},
        "body": {
            **root,
            "self_ref": "#/body",
            "content_layer": "body",
            "children": builder.body,
        },
        **builder.parts,
        "key_value_items": [],
        "form_items": [],
        "pages": {str(page["page"]): _size(page) for page in pages if page.get("height")},
    }


def _section(level: int) -> JsonObject:
    return {"label": "section_header", "level": level - 1}


def _size(page: JsonObject) -> JsonObject:
    return {
        "page_no": page["page"],
        "size": {"width": page["width"], "height": page["height"]},
    }


def _origin(origin: Origin) -> dict[str, Any]:
    if origin.media_type in _UNKNOWN_TYPES or origin.sha256 is None:
        return {}
    return {
        "origin": {
            "mimetype": origin.media_type,
            "binary_hash": int(origin.sha256[:_HASH_DIGITS], 16),
            "filename": origin.filename,
        }
    }
