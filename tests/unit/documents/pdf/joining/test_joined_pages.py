"""Paragraphs and tables that continue on the next page become whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest

from secretary_documents.pdf.child import begin
from secretary_documents.pdf.joining.joined_pages import join_pages
from secretary_documents.pdf.page import Page

Draw = Callable[[pymupdf.Page], object]
OPEN = {"op": "open", "password": None, "max_pages": 9, "max_pixels": 10**6, "page_sec": 60.0}
PROSE = "Die Sitzung begann um neun Uhr, und alle Mitglieder des Ausschusses waren "
HEAD = ("Tag", "Briefe", "Pakete")


@pytest.fixture(autouse=True)
def without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secretary_documents.pdf.child.allow_cpu", lambda _: None)


def read(folder: Path, draws: Sequence[Draw], *outputs: str) -> list[Page]:
    """Return the pages that *draws* draw, read by the code of a child."""
    path = folder / "drawn.pdf"
    with pymupdf.open() as document:
        for draw in draws:
            draw(document.new_page())
        document.save(path)
    work = begin([str(path)])
    found: list[dict[str, object]] = []
    work({**OPEN, "subset_bytes": 1}, lambda _: None)
    styles: list[dict[str, object]] = []
    work({"op": "style", "output": outputs[0]}, styles.append)
    request = {"output": outputs[0], "also": outputs[1:], **styles[0]}
    pages = list(range(1, len(draws) + 1))
    work({"op": "read", "method": "native", "pages": pages, **request}, found.append)
    entries = [dict(one["page"]) for one in found]  # type: ignore[call-overload]
    return [Page(number=entry.pop("page"), **entry) for entry in entries]


def prose(*lines: str, top: float = 100) -> Draw:
    def draw(page: pymupdf.Page) -> None:
        for number, text in enumerate(lines):
            page.insert_text((72, top + 14 * number), text, fontsize=11)

    return draw


def rows(first: int, last: int, *, top: float, head: bool, names: Sequence[str] = HEAD) -> Draw:
    def draw(page: pymupdf.Page) -> None:
        found = [tuple(names)] if head else []
        found += [(f"Tag {number}", f"{number}00", f"{number}") for number in range(first, last)]
        for row, cells in enumerate(found):
            for column, cell in enumerate(cells):
                box = pymupdf.Rect(0, 0, 120, 24) + (72 + 120 * column, top + 24 * row) * 2
                page.draw_rect(box)
                page.insert_text((box.x0 + 6, box.y1 - 7), cell, fontsize=11)

    return draw


def test_a_word_that_is_divided_between_pages_becomes_whole_where_it_begins(tmp_path: Path) -> None:
    pages = [prose(PROSE, f"{PROSE}anwe-"), prose("send. Danach sprach der Vorsitzende.")]
    first, second = join_pages(read(tmp_path, pages, "markdown", "html"))
    whole = f"{PROSE}{PROSE}anwesend. Danach sprach der Vorsitzende."
    assert (first.text, second.text) == (whole, "")
    assert (first.outputs["html"], second.outputs["html"]) == (f"<p>{whole}</p>", "")


def test_a_sentence_that_ends_on_its_page_is_not_joined(tmp_path: Path) -> None:
    found = join_pages(read(tmp_path, [prose(PROSE, "da."), prose("und mehr")], "markdown"))
    assert [page.text for page in found] == [f"{PROSE}da.", "und mehr"]


def test_a_table_over_three_pages_is_one_table_without_repeated_heads(tmp_path: Path) -> None:
    draws = [
        rows(1, 4, top=600, head=True),
        rows(4, 30, top=60, head=True),
        rows(30, 32, top=60, head=False),
    ]
    pages = read(tmp_path, draws, "markdown", "html", "json")
    first, second, third = join_pages(pages)
    assert first.text.splitlines() == [
        "| Tag | Briefe | Pakete |",
        "| --- | --- | --- |",
        *(f"| Tag {number} | {number}00 | {number} |" for number in range(1, 32)),
    ]
    assert (second.text, third.text) == ("", "")
    assert first.outputs["html"].count("<th>") == 3
    assert first.outputs["html"].count("<tr>") == 32
    [table] = json.loads(first.outputs["json"])["blocks"]
    assert table["table"]["row_pages"] == [1] * 4 + [2] * 26 + [3] * 2
    assert table["table"]["cells"][-1]["row"] == 31
    assert [one["page"] for one in table["continued_at"]] == [2, 3]
    assert json.loads(second.outputs["json"])["blocks"] == []


@pytest.mark.parametrize(("caption", "stays"), [("Table 3 (continued)", False), ("Table 4", True)])
def test_the_caption_of_a_continued_table_goes_with_the_table(
    tmp_path: Path, caption: str, *, stays: bool
) -> None:
    def continued(page: pymupdf.Page) -> None:
        page.insert_text((72, 60), caption, fontsize=10)
        rows(21, 30, top=80, head=True)(page)
        page.insert_text((72, 600), "The end of the report is here.", fontsize=10)

    draws = [rows(1, 20, top=300, head=True), continued]
    _, second = join_pages(read(tmp_path, draws, "markdown", "html", "json"))
    last = [second.as_output(output) for output in ("markdown", "html", "json")]
    assert [caption in text for text in last] == [stays] * 3
    assert all("The end of the report" in text for text in last)


def test_a_page_that_the_job_does_not_read_gives_nothing(tmp_path: Path) -> None:
    draws = [rows(1, 4, top=600, head=True), rows(4, 6, top=60, head=True)]
    pages = read(tmp_path, draws, "markdown")
    assert join_pages(pages[:1]) == pages[:1]
    assert join_pages(pages[1:]) == pages[1:]
    assert join_pages(pages)[1].text == ""


def test_two_tables_with_other_heads_in_the_middle_of_pages_stay_apart(tmp_path: Path) -> None:
    draws = [rows(1, 4, top=200, head=True), rows(4, 8, top=300, head=False)]
    first, second = join_pages(read(tmp_path, draws, "markdown"))
    assert first.text.count("\n") == 4
    assert second.text.startswith("| Tag 4 |")


def test_two_tables_of_one_shape_whose_heads_name_other_columns_stay_apart(tmp_path: Path) -> None:
    names = ("Ort", "Leute", "Autos")
    draws = [rows(1, 4, top=600, head=True), rows(4, 8, top=60, head=True, names=names)]
    first, second = join_pages(read(tmp_path, draws, "markdown"))
    assert first.text.splitlines()[-1] == "| Tag 3 | 300 | 3 |"
    assert second.text.startswith("| Ort | Leute | Autos |")


def test_a_table_that_ends_high_on_its_page_does_not_go_on(tmp_path: Path) -> None:
    draws = [rows(1, 4, top=60, head=True), rows(4, 8, top=60, head=False)]
    first, second = join_pages(read(tmp_path, draws, "markdown"))
    assert first.text.count("\n") == 4
    assert second.text.startswith("| Tag 4 |")


def test_a_label_of_one_word_is_not_joined_with_the_next_page(tmp_path: Path) -> None:
    found = join_pages(read(tmp_path, [prose("eins"), prose("zwei")], "markdown", "html"))
    assert [page.text for page in found] == ["eins", "zwei"]


def test_a_paragraph_in_json_stays_on_its_page_and_says_that_it_continues(tmp_path: Path) -> None:
    pages = read(tmp_path, [prose(PROSE, f"{PROSE}anwe-"), prose("send.")], "json")
    first, second = join_pages(pages)
    [block] = json.loads(second.text)["blocks"]
    assert (block["text"], block["continues"]) == ("send.", True)
    assert "continues" not in json.loads(first.text)["blocks"][0]


def test_a_separator_of_lines_in_a_cell_ends_no_row_of_a_joined_table(tmp_path: Path) -> None:
    draws = [rows(1, 4, top=600, head=True), rows(4, 7, top=60, head=True)]
    first, second = read(tmp_path, draws, "markdown")
    odd = replace(second, text=second.text.replace("Tag 5", "Tag\u20285"))
    text = join_pages([first, odd])[0].text
    assert len(text.split("\n")) == 2 + 6
    assert "| Tag\u20285 | 500 | 5 |" in text
