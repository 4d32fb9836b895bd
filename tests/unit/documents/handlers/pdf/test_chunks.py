"""Chunks for retrieval: by headings, with their places, and of a limited size."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from secretary_documents.handlers.pdf.chunks import Block, chunks_of
from secretary_documents.templates.text_parts import estimate_tokens

BOX = [72.0, 100.0, 300.0, 120.0]


def block(kind: str, text: str, page: int = 1, **more: Any) -> Block:
    return {"kind": kind, "page": page, "box": BOX, "text": text, **more}


def heading(text: str, level: int, page: int = 1) -> Block:
    return block("heading", text, page, level=level)


def table(rows: int, words: int = 3, page: int = 1) -> Block:
    cells = [
        {"row": row, "column": column, "row_span": 1, "column_span": 1, "text": text}
        for row in range(rows)
        for column, text in enumerate((f"name {row}" if row else "Name", "word " * words))
    ]
    size = {"rows": rows, "columns": 2, "head_rows": 1}
    return block("table", "", page, table={**size, "cells": cells})


def test_a_chunk_has_the_path_of_its_headings_and_its_places() -> None:
    blocks = [
        block("paragraph", "Before any heading."),
        heading("Report", 1),
        heading("Sales", 2, page=2),
        block("paragraph", "They rose.", page=2),
        block("list_item", "in Hamburg", page=3, marker="•"),
        heading("Costs", 2, page=3),
        block("paragraph", "They fell.", page=3),
        block("footer", "Page 3", page=3),
        block("header", "Running", page=3, repeated=True),
    ]
    first, second, third = chunks_of(blocks, 100)
    assert (first["headings"], first["text"]) == ([], "Before any heading.")
    assert second["headings"] == ["Report", "Sales"]
    assert second["text"] == "# Report\n\n## Sales\n\nThey rose.\n\n• in Hamburg"
    assert second["pages"] == [1, 2, 3]
    assert [place["page"] for place in second["places"]] == [1, 2, 3]
    assert second["places"][0]["box"] == BOX
    assert third["headings"] == ["Report", "Costs"]
    assert "Page 3" not in third["text"]
    assert [chunk["index"] for chunk in (first, second, third)] == [0, 1, 2]


def test_a_paragraph_and_a_table_over_two_pages_are_whole_and_have_both_places() -> None:
    more = {"page": 2, "box": [72.0, 60.0, 300.0, 90.0]}
    blocks = [
        block("paragraph", "It goes on and"),
        block("footer", "1"),
        {**block("paragraph", "on.", continues=True), **more},
        {**table(3, page=2), "continued_at": [{**more, "page": 3}]},
    ]
    [chunk] = chunks_of(blocks, 300)
    assert chunk["text"].startswith("It goes on and on.\n\n| Name |")
    assert chunk["places"] == [
        {"page": 1, "box": BOX},
        {"page": 2, "box": more["box"]},
        {"page": 2, "box": BOX},
        {"page": 3, "box": more["box"]},
    ]


def test_a_paragraph_goes_on_after_the_footnotes_and_figures_between_its_parts() -> None:
    blocks = [
        block("paragraph", "It goes on and"),
        block("footnote", "1 A note"),
        block("figure", "Chart", page=2),
        block("paragraph", "on.", page=2, continues=True),
        block("paragraph", "Then it ends.", page=2),
    ]
    [chunk] = chunks_of(blocks, 300)
    assert chunk["text"] == "It goes on and on.\n\n1 A note\n\nChart\n\nThen it ends."
    assert chunk["pages"] == [1, 2]


def test_a_table_that_fits_into_a_chunk_is_not_cut() -> None:
    blocks = [heading("A", 1), block("paragraph", "word " * 100), table(10)]
    first, second = chunks_of(blocks, 200)
    assert "name 1" not in first["text"]
    assert all(f"name {row} " in second["text"] for row in range(1, 10))


def test_each_part_of_a_large_table_has_whole_rows_and_the_header() -> None:
    chunks = list(chunks_of([table(60)], 100))
    assert len(chunks) > 5
    for chunk in chunks:
        lines = chunk["text"].splitlines()
        assert lines[0].startswith("| Name |")
        assert set(lines[1]) <= set("| -")
        assert all(line.startswith("| name") and line.endswith("|") for line in lines[2:])
    rows = [line for chunk in chunks for line in chunk["text"].splitlines()[2:]]
    assert len(rows) == 59


def test_a_heading_is_not_a_chunk_of_its_own_if_text_follows() -> None:
    chunks = list(chunks_of([heading("Heading", 1), block("paragraph", "word " * 57)], 96))
    assert len(chunks) == 1
    assert chunks[0]["headings"] == ["Heading"]


blocks = st.lists(
    st.one_of(
        st.builds(heading, st.text("ab \n", max_size=400), st.integers(1, 9)),
        st.builds(block, st.just("paragraph"), st.text("a. \nüñ漢", max_size=900)),
        st.builds(table, st.integers(1, 30), st.integers(0, 90)),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(blocks, st.integers(64, 300))
def test_no_chunk_has_more_tokens_than_it_may_have(found: list[Block], most: int) -> None:
    for chunk in chunks_of(found, most):
        assert 0 < chunk["tokens"] <= most
        assert chunk["tokens"] == estimate_tokens(chunk["text"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab.üñ漢 ", min_size=1, max_size=900), max_size=8), st.integers(64, 300))
def test_no_letter_of_a_paragraph_is_lost(texts: list[str], most: int) -> None:
    chunks = chunks_of([block("paragraph", text) for text in texts], most)
    kept = "".join(chunk["text"] for chunk in chunks)
    assert "".join(kept.split()) == "".join("".join(texts).split())
