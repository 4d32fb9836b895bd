"""A line drawn from the left is read in the order in which it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretary_documents.pdf.layout.bidi.order import is_base_to_left, mirrored, reading_order

# As written, and as drawn from the left in a line that runs to the left.
TO_LEFT = [
    ("שלום עולם.", ".םלוע םולש"),
    ("אני לומד Python כל יום", "םוי לכ Python דמול ינא"),
    ("יש לי 42 תפוחים", "םיחופת 42 יל שי"),
    ("שעה 10:30, 12/05/2024 סוף", "ףוס 12/05/2024 ,10:30 העש"),
    ("היקף 50% ועוד", "דועו 50% ףקיה"),
    ("زاد 50% عام", "ماع %50 داز"),
    ("מ 5 עד 10 איש", "שיא 10 דע 5 מ"),
    ("קרא Python 3.12 (beta) היום", "םויה Python 3.12 (beta) ארק"),
    ("1. ראשון", "ןושאר .1"),
    ("1. Python הוא", "אוה Python .1"),
    ("2024 - 2023 שנה", "הנש 2023 - 2024"),
]


def read(drawn: str, *, to_left: bool) -> str:
    order = reading_order(drawn, to_left=to_left)
    return "".join(mirrored([drawn[at] for at in order]))


@pytest.mark.parametrize(("written", "drawn"), TO_LEFT)
def test_a_line_to_the_left_is_read_as_it_was_written(written: str, drawn: str) -> None:
    assert read(drawn, to_left=True) == written


def test_words_to_the_left_are_turned_inside_a_line_to_the_right() -> None:
    drawn = "The words םלוע םולש, and 5 more."
    assert read(drawn, to_left=False) == "The words שלום עולם, and 5 more."


@pytest.mark.parametrize("drawn", ["ןאכ (התא אל) ינא", "ןאכ )התא אל( ינא"])
def test_a_bracket_opens_before_it_closes_however_the_file_draws_it(drawn: str) -> None:
    assert read(drawn, to_left=True) == "אני (לא אתה) כאן"


@pytest.mark.parametrize(
    ("drawn", "page_to_left", "expected"),
    [
        ("םוי Python ינא", False, True),
        ("The םולש means", True, False),
        ("Lamp (הרונמ)", False, False),
        ("Lamp (הרונמ)", True, True),
        ("42", True, True),
    ],
)
def test_the_ends_of_a_line_and_then_its_page_say_where_it_begins(
    drawn: str, *, page_to_left: bool, expected: bool
) -> None:
    assert is_base_to_left(drawn, page_to_left=page_to_left) is expected


@given(drawn=st.text("אבلا ab12().,:%- \u05b8[", max_size=40), to_left=st.booleans())
def test_each_character_is_read_once(*, drawn: str, to_left: bool) -> None:
    assert sorted(reading_order(drawn, to_left=to_left)) == list(range(len(drawn)))
