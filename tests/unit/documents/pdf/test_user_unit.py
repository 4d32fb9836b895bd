"""Pages whose unit is not a point, as those of large plans: places are right for each rotation."""

from __future__ import annotations

import pymupdf
import pytest

from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.picture import kept_pictures_on
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.mupdf.page import render_png
from secretary_documents.pdf.notes import notes_on
from secretary_documents.pdf.page_entry import shown_on
from secretary_documents.pdf.writers.markdown import to_markdown

PICTURE = pymupdf.Rect(100, 200, 200, 250)
LINKED = pymupdf.Rect(100, 285, 125, 305)
TURNS = [0, 90, 180, 270]


def plan(unit: float, turn: int) -> pymupdf.Document:
    """Return a page with a black picture, and with a word that is linked and marked."""
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=600)
        black = pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 20, 20))
        black.clear_with(0)
        page.insert_image(PICTURE, pixmap=black, keep_proportion=False)
        page.insert_text((100, 300), "Ground floor, scale 1:100")
        uri = "https://example.org/floor"
        page.insert_link({"kind": pymupdf.LINK_URI, "from": LINKED, "uri": uri})
        page.add_highlight_annot(LINKED)
        page.set_rotation(turn)
        document.xref_set_key(page.xref, "UserUnit", str(unit))
        return pymupdf.open(stream=document.tobytes(), filetype="pdf")


@pytest.mark.parametrize("unit", [0.5, 2])
@pytest.mark.parametrize("turn", TURNS)
def test_the_file_of_a_picture_shows_the_picture(unit: float, turn: int) -> None:
    with plan(unit, turn) as document:
        page = document[0]
        [picture] = kept_pictures_on(page, 10)
        png = render_png(page, shown_on(page, picture.box), dpi=72, max_pixels=10**6)
    drawn = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.Pixmap(png))
    assert drawn.samples.count(0) > 0.9 * drawn.width * drawn.height


@pytest.mark.parametrize("turn", TURNS)
def test_a_link_and_a_mark_are_on_their_word(turn: int) -> None:
    with plan(2, turn) as document:
        layout = layout_of(PageSource(document[0]), sample_style(document))
        notes = notes_on(document[0], annotations=True)
    assert "[Ground](https://example.org/floor) floor" in to_markdown(layout.blocks)
    assert [note["marked_text"] for note in notes["annotations"]] == ["Ground"]
