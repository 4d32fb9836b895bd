"""A PDF with a layer of invisible text, which programs find and the page does not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pymupdf
import pytest
from support import pdf_samples
from support.pdf_reader import poppler_text

from secretary_documents.pdf.layout.model import Box, Word
from secretary_documents.pdf.searchable.layer_line import (
    LayerLine,
    lines_from_json,
    lines_to_json,
)
from secretary_documents.pdf.searchable.layered_document import LayeredDocument

SCRIPTS = ["Größe", "naïve", "Ελλάδα", "Привет", "漢字", "ภาษาไทย", "🙂🙃", "x²≤1"]


@pytest.fixture(autouse=True)
def _whole_glyphs() -> Iterator[None]:
    """Let MuPDF give boxes as high as the glyphs. Other tests read pages as the child does."""
    before = pymupdf.TOOLS.set_small_glyph_heights()
    pymupdf.TOOLS.set_small_glyph_heights(on=False)
    yield
    pymupdf.TOOLS.set_small_glyph_heights(on=before)


def word(text: str, left: float, top: float, width: float = 60, height: float = 14) -> Word:
    return Word(Box(left, top, left + width, top + height), text)


def line(*texts: str, left: float = 72, top: float = 100, turn: int = 0) -> LayerLine:
    """Return words side by side, or below each other if the line is turned by 90 or 270 degrees."""
    words = []
    for index, text in enumerate(texts):
        if turn % 180:
            words.append(word(text, left, top + 70 * index, width=14, height=60))
        else:
            words.append(word(text, left + 70 * index, top))
    return LayerLine(tuple(words if turn in (0, 90) else words[::-1]), turn)


def layered(content: bytes, *layers: Sequence[LayerLine]) -> pymupdf.Document:
    with pymupdf.open(stream=content) as document:
        written = LayeredDocument(document, None)
        for number, lines in enumerate(layers, 1):
            written.add_layer(number, lines)
        return pymupdf.open(stream=written.write(range(1, document.page_count + 1)))


def words_of(page: pymupdf.Page) -> list[str]:
    return [found[4] for found in page.get_text("words")]


def iou(one: Box, other: Box) -> float:
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    both = max(wide, 0) * max(high, 0)
    return both / (one.width * one.height + other.width * other.height - both)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_words_that_stand_close_together_are_not_read_as_one(turn: int, tmp_path: Path) -> None:
    words = [word("of", 72, 100, width=20), word("the", 92.5, 100, width=30)]
    if turn % 180:
        words = [word("of", 72, 100, 14, 20), word("the", 72, 120.5, 14, 30)]
    close = LayerLine(tuple(words if turn in (0, 90) else words[::-1]), turn)
    with layered(pdf_samples.text_pdf([""]), [close]) as document:
        read = poppler_text(document.tobytes(), tmp_path, in_order_of_file=True)
        assert read == " ".join(one.text for one in close.words)


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_word_of_any_script_is_found(text: str) -> None:
    with layered(pdf_samples.text_pdf([""]), [line(text, "abc")]) as document:
        assert words_of(document[0]) == [text, "abc"]


@pytest.mark.parametrize("text", ["שלום", "مرحبا"])
def test_a_word_that_runs_to_the_left_is_read_in_its_own_order(text: str) -> None:
    with layered(pdf_samples.text_pdf([""]), [line(text)]) as document:
        assert document[0].get_text().split() == text.split()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_words_stand_where_the_page_shows_them(rotation: int, turn: int) -> None:
    with pymupdf.open(stream=pdf_samples.text_pdf([""])) as document:
        document[0].set_cropbox(pymupdf.Rect(20, 30, 560, 800))
        document[0].set_rotation(rotation)
        content = document.tobytes()
    given = line("Hamburg", "gelb", "AB", turn=turn)
    with layered(content, [given]) as document:
        shown = document[0].rotation_matrix  # MuPDF reads the page without its rotation
        words = document[0].get_text("words")
        found = {one[4]: Box(*(pymupdf.Rect(one[:4]) * shown)) for one in words}
    assert set(found) == {"Hamburg", "gelb", "AB"}
    for one in given.words:
        assert found[one.text].wider(1).holds(one.box.middle)
        assert iou(found[one.text], one.box) > 0.6, one.text


def test_the_pages_look_the_same_and_images_are_the_same_bytes() -> None:
    content = pdf_samples.scan_pdf([pdf_samples.PROSE])
    with pymupdf.open(stream=content) as before, layered(content, [line("scanned")]) as after:
        assert before[0].get_pixmap().samples == after[0].get_pixmap().samples
        [image] = before[0].get_images()
        [same] = after[0].get_images()
        assert before.xref_stream_raw(image[0]) == after.xref_stream_raw(same[0])


@pytest.mark.parametrize("content", [b"q 2 0 0 2 9 9 cm", b"Q 1 0 0 1 50 50 cm", b"q q Q"])
def test_a_page_with_unbalanced_states_gets_its_words_at_their_places(content: bytes) -> None:
    with pymupdf.open(stream=pdf_samples.text_pdf([""])) as document:
        [xref] = document[0].get_contents() or [document.get_new_xref()]
        if not document[0].get_contents():
            document.update_object(xref, "<<>>")
            document.xref_set_key(document[0].xref, "Contents", f"{xref} 0 R")
        document.update_stream(xref, content)
        changed = document.tobytes()
    given = line("balanced")
    with layered(changed, [given]) as document:
        [found] = document[0].get_text("words")
    assert iou(Box(*found[:4]), given.words[0].box) > 0.6


def test_words_that_the_page_has_as_text_are_not_written_twice() -> None:
    content = pdf_samples.text_pdf(["Stamp"])
    with pymupdf.open(stream=content) as document:
        [native] = document[0].get_text("words")
    recognised = LayerLine((Word(Box(*native[:4]), "Starnp"), word("scanned", 72, 300)))
    with layered(content, [[recognised][0]]) as document:
        assert words_of(document[0]) == ["Stamp", "scanned"]


def test_text_without_a_known_meaning_is_hidden_from_readers() -> None:
    with pymupdf.open(stream=pdf_samples.text_pdf(["garbled text"])) as document:
        for xref in range(1, document.xref_length()):
            if document.xref_get_key(xref, "Type")[1] == "/Font":
                names = " ".join(f"/g{code}" for code in range(32, 127))
                encoding = f"<</Type/Encoding/Differences[32 {names}]>>"
                document.xref_set_key(xref, "Encoding", encoding)
        content = document.tobytes()
    with pymupdf.open(stream=content) as document:
        assert "\N{REPLACEMENT CHARACTER}" in document[0].get_text(flags=0)
    with layered(content, [line("readable", "text")]) as document:
        assert words_of(document[0]) == ["readable", "text"]


def test_a_page_object_that_is_two_pages_gets_one_layer() -> None:
    with pymupdf.open(stream=pdf_samples.text_pdf([""])) as document:
        pages = document.pdf_catalog()
        kids = document.xref_get_key(pages, "Pages")[1].split()[0]
        page = document[0].xref
        document.xref_set_key(int(kids), "Kids", f"[{page} 0 R {page} 0 R]")
        document.xref_set_key(int(kids), "Count", "2")
        content = document.tobytes()
    with layered(content, [line("once")], [line("once")]) as document:
        assert [words_of(page) for page in document] == [["once"], ["once"]]


def test_a_selection_of_pages_keeps_their_bookmarks_and_labels() -> None:
    with pymupdf.open(stream=pdf_samples.text_pdf([f"page {one}" for one in range(6)])) as document:
        document.set_toc([[1, "First", 1], [1, "Third", 3], [2, "Fourth", 4]])
        document.set_page_labels(
            [
                {"startpage": 0, "prefix": "", "style": "r", "firstpagenum": 1},
                {"startpage": 3, "prefix": "A-", "style": "D", "firstpagenum": 1},
            ]
        )
        content = document.tobytes()
    with pymupdf.open(stream=content) as document:
        labels = [page.get_label() for page in document]
        written = LayeredDocument(document, None).write([3, 4, 5])
    with pymupdf.open(stream=written) as document:
        assert [page.get_text().strip() for page in document] == ["page 2", "page 3", "page 4"]
        assert [title for _, title, _ in document.get_toc()] == ["Third", "Fourth"]
        assert [page.get_label() for page in document] == labels[2:5] == ["iii", "A-1", "A-2"]


def test_lines_are_the_same_after_json() -> None:
    given = [line("a", "\N{GREEK SMALL LETTER BETA}"), line("turned", turn=270)]
    assert lines_from_json(lines_to_json(given)) == given


@pytest.mark.parametrize("text", ["{", "7", "[[0]]", '[[0, [["a"]]]]', "[" * 9000])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON has other messages
        lines_from_json(text)
