"""Our pages as a DoclingDocument."""

from __future__ import annotations

from typing import Any

import pytest

from secretary_api.compatible.docling_document import Origin, Picture, docling_document

ORIGIN = Origin("a.pdf", "application/pdf", "ffffffffffffffff" + "0" * 48)


def block(kind: str, text: str = "", **more: Any) -> dict[str, Any]:
    known = {"kind": kind, "page": 1, "order": 0, "box": [10, 20, 110, 40], "method": "native"}
    return {**known, "text": text, **more}


def page(*blocks: dict[str, Any], number: int = 1, **more: Any) -> dict[str, Any]:
    sizes = more or {"width": 200.0, "height": 300.0}
    return {"page": number, "blocks": [{**one, "page": number} for one in blocks], **sizes}


def test_headings_begin_with_a_title_and_sections_count_from_one() -> None:
    blocks = [block("heading", name, level=level) for name, level in (("a", 1), ("b", 2), ("c", 3))]
    texts = docling_document("a", [page(*blocks)], ORIGIN)["texts"]
    assert [(one["label"], one.get("level")) for one in texts] == [
        ("title", None),
        ("section_header", 1),
        ("section_header", 2),
    ]


def test_items_that_follow_each_other_are_one_list() -> None:
    items = [block("list_item", "one", marker="1."), block("list_item", "two", marker="-")]
    blocks = [*items, block("paragraph", "between"), block("list_item", "three")]
    made = docling_document("a", [page(*blocks)], ORIGIN)
    assert [len(group["children"]) for group in made["groups"]] == [2, 1]
    assert [one["$ref"] for one in made["body"]["children"]] == [
        "#/groups/0",
        "#/texts/2",
        "#/groups/1",
    ]
    assert [one.get("enumerated") for one in made["texts"]] == [True, False, None, False]
    assert made["texts"][0]["parent"] == {"$ref": "#/groups/0"}


def test_places_count_from_the_lower_left_corner() -> None:
    (text,) = docling_document("a", [page(block("paragraph", "abc"))], ORIGIN)["texts"]
    (place,) = text["prov"]
    assert (place["page_no"], place["charspan"]) == (1, [0, 3])
    box = place["bbox"]
    assert (box["l"], box["t"], box["r"], box["b"]) == (10, 280, 110, 260)
    assert box["coord_origin"] == "BOTTOMLEFT"


def test_office_files_have_no_places_and_no_pages() -> None:
    made = docling_document("a", [{"page": 1, "blocks": [block("paragraph", "a")]}], ORIGIN)
    assert (made["texts"][0]["prov"], made["pages"]) == ([], {})


def test_a_table_keeps_its_spans_and_every_page_it_stands_on() -> None:
    cell = {"row": 0, "column": 1, "row_span": 2, "column_span": 3, "text": "x"}
    table = {"rows": 4, "columns": 4, "head_rows": 1, "cells": [cell]}
    more: dict[str, Any] = {"table": table, "continued_at": [{"page": 2, "box": [0, 0, 10, 10]}]}
    pages = [page(number=2), page(block("table", **more))]
    (made,) = docling_document("a", pages, ORIGIN)["tables"]
    (found,) = made["data"]["table_cells"]
    assert (found["start_row_offset_idx"], found["end_row_offset_idx"]) == (0, 2)
    assert (found["start_col_offset_idx"], found["end_col_offset_idx"]) == (1, 4)
    assert found["column_header"] is True
    assert [place["page_no"] for place in made["prov"]] == [1, 2]


def test_a_picture_has_its_recognised_text_below_it_and_its_image() -> None:
    given = {"p.png": Picture(30, 40, "data:image/png;base64,AA==")}
    made = docling_document("a", [page(block("figure", "words", image="p.png"))], ORIGIN, given)
    (picture,) = made["pictures"]
    assert picture["image"]["uri"] == given["p.png"].uri
    assert picture["image"]["size"] == {"width": 30, "height": 40}
    assert made["texts"][0]["parent"] == {"$ref": "#/pictures/0"}
    assert made["body"]["children"] == [{"$ref": "#/pictures/0"}]


def test_headers_and_footers_are_furniture_and_an_unknown_kind_is_text() -> None:
    blocks = [block("header", "h"), block("footer", "f"), block("novelty", "n")]
    texts = docling_document("a", [page(*blocks)], ORIGIN)["texts"]
    assert [(one["label"], one["content_layer"]) for one in texts] == [
        ("page_header", "furniture"),
        ("page_footer", "furniture"),
        ("text", "body"),
    ]


def test_a_block_that_is_a_link_as_a_whole_has_its_address() -> None:
    link = {"text": "here", "url": "https://a.example/"}
    blocks = [block("paragraph", "here", links=[link]), block("paragraph", "go here", links=[link])]
    texts = docling_document("a", [page(*blocks)], ORIGIN)["texts"]
    assert [one.get("hyperlink") for one in texts] == ["https://a.example/", None]


@pytest.mark.parametrize("media_type", [None, "application/vnd.ms-outlook"])
def test_an_origin_that_docling_would_refuse_is_left_out(media_type: str | None) -> None:
    assert "origin" not in docling_document("a", [], Origin("a.msg", media_type, "0" * 64))
    assert docling_document("a", [], ORIGIN)["origin"]["binary_hash"] == 2**64 - 1
