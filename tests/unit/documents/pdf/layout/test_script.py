"""Lines that MuPDF gives in pieces become whole: ligatures, vertical letters, lines to the left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.layout_samples import line

from secretary_documents.pdf.layout.bidi.lines import in_reading_order
from secretary_documents.pdf.layout.model import Line
from secretary_documents.pdf.layout.paragraph import rows_of
from secretary_documents.pdf.layout.script import join_letters, with_ligatures

ALEF = "\N{ARABIC LETTER ALEF}"


def chars(*placed: tuple[str, float, float]) -> list[dict[str, Any]]:
    return [
        {"c": char, "bbox": (left, 0, right, 10), "thin": left == right}
        for char, left, right in placed
    ]


def read(*placed: tuple[str, float, float]) -> str:
    line = {"dir": (1.0, 0.0), "spans": [{"chars": chars(*placed), "size": 10}]}
    blocks = in_reading_order(with_ligatures([{"lines": [line]}]))
    return "".join(span["text"] for span in blocks[0]["lines"][0]["spans"])


def test_the_ligature_of_lam_and_alef_has_the_lam_first() -> None:
    kaf = ("ك", 40, 50)
    assert read(kaf, (ALEF, 40, 43), ("ل", 30, 40)) == "كلا"
    assert read(kaf, ("أ", 40, 40), ("ل", 30, 40)) == "كلأ"


def test_an_alef_before_a_lam_stays_there() -> None:
    assert read(("ك", 40, 50), (ALEF, 37, 40), ("ل", 30, 37)) == "كال"


def test_a_ligature_at_the_start_of_a_word_is_known_by_its_alef_without_a_width() -> None:
    assert read((" ", 60, 63), (ALEF, 40, 40), ("ل", 30, 40), (" ", 27, 30)) == "لا"
    assert read((" ", 60, 63), (ALEF, 40, 43), ("ل", 30, 40), (" ", 27, 30)) == "ال"


def test_a_space_from_the_end_of_a_line_leaves_the_word_in_which_it_is_written() -> None:
    assert read(("م", 190, 195), (" ", 95, 98), ("ن", 184, 190), (" ", 181, 184)) == "من"
    assert read(("م", 190, 195), (" ", 187, 190), ("ن", 181, 187)) == "م ن"
    assert read(("م", 190, 195), (" ", 95, 98), ("ن", 170, 176)) == "م ن"


def letters(text: str, *, right: float = 0, down: float = 0) -> list[Line]:
    return [
        replace(line(char, 72 + right * index, 100 + down * index), turned=True)
        for index, char in enumerate(text)
    ]


def test_letters_of_a_vertical_font_beside_each_other_are_a_line() -> None:
    [found] = join_letters(letters("NO TICE", right=8))
    assert (found.text, found.turned) == ("NO TICE", False)


def test_letters_below_each_other_are_a_turned_line() -> None:
    [found] = join_letters(letters("NOTICE", down=11))
    assert (found.text, found.turned) == ("NOTICE", True)


def test_the_parts_of_a_line_to_the_left_are_read_from_the_right() -> None:
    [row] = rows_of([line("العربية", 72), line("اللغة", 110)], space=2)
    assert row.text == "اللغة العربية"
