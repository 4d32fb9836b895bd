"""Tables with rules, without vertical rules, and without any rules."""

from __future__ import annotations

from support.layout_samples import across, column, line, upright, words_of

from secretary_documents.pdf.layout.model import Line, Table
from secretary_documents.pdf.layout.tables.aligned import split_tables
from secretary_documents.pdf.layout.tables.between_rules import tables_between_rules
from secretary_documents.pdf.layout.tables.ruled import ruled_tables

YS = (98.0, 114.0, 130.0, 146.0)
ROWS = [["Name", "Menge", "Preis"], ["Äpfel", "12", "3,40"], ["Käse", "2", "17,90"]]


def cells(rows: list[list[str]], *, lefts: tuple[float, ...] = (72, 172, 272)) -> list[Line]:
    """Return the lines of *rows*, 16 points apart, below each other at *lefts*."""
    return [
        line(text, left, 100 + 16 * number)
        for number, row in enumerate(rows)
        for text, left in zip(row, lefts, strict=False)
        if text
    ]


def grid(tables: list[Table]) -> list[list[str]]:
    [table] = tables
    return table.grid()


def test_a_table_with_rules_between_its_cells() -> None:
    flat = [across(y, 70, 370) for y in YS]
    high = [upright(x, YS[0], YS[-1]) for x in (70, 170, 270, 370)]
    assert grid(ruled_tables(flat, high, words_of(cells(ROWS)))) == ROWS


def test_a_cell_without_a_rule_inside_reaches_over_two_columns() -> None:
    rows = [["Obst und Gemüse im Überblick"], *ROWS]
    ys = (*YS, 162.0)
    high = [upright(x, ys[1], ys[-1]) for x in (170, 270)]
    high += [upright(x, ys[0], ys[-1]) for x in (70, 370)]
    flat = [across(y, 70, 370) for y in ys]
    [table] = ruled_tables(flat, high, words_of(cells(rows, lefts=(120, 172, 272))))
    assert table.cells[0].column_span == 3


def test_a_form_keeps_its_empty_cells() -> None:
    rows = [["Name", "vorher", "nachher"], ["Äpfel"], ["Käse"]]
    flat = [across(y, 70, 370) for y in YS]
    high = [upright(x, YS[0], YS[-1]) for x in (70, 170, 270, 370)]
    found = grid(ruled_tables(flat, high, words_of(cells(rows))))
    assert found == [rows[0], ["Äpfel", "", ""], ["Käse", "", ""]]


def test_a_frame_around_text_is_no_table() -> None:
    flat, high = [across(y, 70, 370) for y in (90, 160)], [upright(x, 90, 160) for x in (70, 370)]
    assert ruled_tables(flat, high, words_of(column("eins zwei", "drei vier"))) == []


def test_a_table_with_rules_above_and_below_only() -> None:
    rules = [across(y, 70, 340) for y in (98.0, 114.0, 146.0)]
    assert grid(tables_between_rules(rules, [], words_of(cells(ROWS)))) == ROWS


def test_a_second_line_of_a_cell_belongs_to_its_row() -> None:
    rules = [across(y, 70, 340) for y in (98.0, 114.0, 176.0)]
    rows = [ROWS[0], ROWS[1], [], ROWS[2], ["Brot", "1", "4,10"]]
    lines = [*cells(rows), line("aus dem Garten", 72, 128)]
    assert grid(tables_between_rules(rules, [], words_of(lines))) == [
        ROWS[0],
        ["Äpfel aus dem Garten", "12", "3,40"],
        ROWS[2],
        ["Brot", "1", "4,10"],
    ]


def test_prose_between_rules_is_no_table() -> None:
    rules = [across(y, 70, 340) for y in (98.0, 146.0)]
    text = column("eine Zeile Prosa", "und noch eine Zeile", "und das Ende")
    assert tables_between_rules(rules, [], words_of(text)) == []


def test_rows_of_aligned_numbers_are_a_table() -> None:
    lines = [*column("Vorher steht ein Satz.", top=70), *cells(ROWS)]
    before, table = split_tables(lines, words_of(lines))
    assert before == lines[:1]
    assert isinstance(table, Table)
    assert table.grid() == ROWS


def test_titles_with_page_numbers_are_no_table() -> None:
    rows = [["Einleitung", "1"], ["Hauptteil", "12"], ["Anhang", "90"]]
    lines = cells(rows)
    assert list(split_tables(lines, words_of(lines))) == [lines]


def test_a_column_of_short_lines_below_a_head_between_rules_is_a_table() -> None:
    rules = [across(y, 70, 200) for y in (98.0, 114.0, 162.0)]
    rows = [["Filtered task"], ["task_one"], ["task_two"], ["task_three"]]
    found = grid(tables_between_rules(rules, [], words_of(cells(rows))))
    assert found == [["Filtered task"], ["task_one task_two task_three"]]


def test_a_column_is_divided_where_words_stand_below_two_heads() -> None:
    names = ["Muster, Max", "Beispiel Ein Langer Name", "GmbH", "Sohn", "Tochter"]
    rows = [["Kunde", "Nummer"], *([name, f"11 {at}{at}{at}"] for at, name in enumerate(names))]
    lines = cells(rows, lefts=(72, 180))
    [table] = split_tables(lines, words_of(lines))
    assert isinstance(table, Table)
    assert table.grid()[:2] == [["Kunde", "Nummer"], ["Muster, Max", "11 000"]]
    assert table.columns == 2


def test_a_cell_over_several_rows_reaches_over_the_lines_of_a_divided_row() -> None:
    rows = [["Group", "Name", "Value"], ["Fruit", "Apple", "11"]]
    rows += [["", "Pear", "12"], ["", "Plum", "13"], ["", "Fig", "14"]]
    flat = [*(across(y, 70, 370) for y in (98.0, 114.0, 178.0)), across(130, 170, 370)]
    high = [upright(x, 98, 178) for x in (70, 170, 270, 370)]
    [table] = ruled_tables(flat, high, words_of(cells(rows)))
    spans = {cell.text: cell.row_span for cell in table.cells}
    assert (table.rows, spans["Fruit"], spans["Pear"]) == (5, 4, 1)
    assert len(table.filled()) == len(table.cells)
