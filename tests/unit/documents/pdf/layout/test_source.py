"""The lines of a page, read quickly where a line is surely whole."""

from __future__ import annotations

from collections.abc import Sequence

import pymupdf
import pytest

from secretary_documents.pdf.layout import source
from secretary_documents.pdf.layout.drawing import drawing_on, may_draw
from secretary_documents.pdf.layout.model import Line
from secretary_documents.pdf.layout.source import PageSource

TEXTS = (
    "Ein Satz über die Sitzung.",
    "Name          Betrag     Tag",
    "   Drei Leerzeichen vorn und zwei hinten  ",
    "Ein\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0Satz",
    "     ",
    "Letzte Zeile",
)


def lines_of(document: pymupdf.Document) -> Sequence[Line]:
    return PageSource(document[0]).lines


def test_whole_lines_are_the_same_without_their_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        for number, text in enumerate(TEXTS):
            page.insert_text((72, 100 + 30 * number), text)
        page.insert_text((72, 400), "Eine Zahl", fontsize=10)
        page.insert_text((116, 396), "2", fontsize=6)
        page.insert_text((122, 400), "und mehr", fontsize=10, fontname="hebo")
        quick = lines_of(document)
        monkeypatch.setattr(source, "_is_one_piece", lambda _: False)
        slow = lines_of(document)
    assert [line.text for line in quick] == [line.text for line in slow]
    assert "Name" in [line.text for line in quick]
    for one, other in zip(quick, slow, strict=True):
        assert one.box == pytest.approx(other.box, abs=1e-3)
        assert (one.index, one.spans) == (other.index, other.spans)


def test_only_a_page_with_text_alone_surely_draws_nothing() -> None:
    with pymupdf.open() as document:
        for _ in range(4):
            document.new_page()
        document[0].insert_text((72, 100), "Sofort (S) sh! /Do f* Seite")
        document[1].draw_line((72, 100), (300, 100))
        document[2].add_highlight_annot((72, 100, 200, 120))
        pixels = pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 80, 80))
        document[3].insert_image((72, 100, 200, 228), pixmap=pixels)
        assert [may_draw(page) for page in document] == [False, True, True, True]
        assert drawing_on(document[1]).across
        assert drawing_on(document[3]).images


def test_an_operator_without_spaces_around_it_is_found() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        page.draw_line((72, 100), (300, 100))
        [xref] = page.get_contents()
        document.update_stream(xref, b"72 742 m 300 742 l S/F1 9 Tf%x")
        assert may_draw(document[0])
        assert drawing_on(document[0]).across
