"""Files whose page tree has a wrong number, or whose pages have boxes that show nothing."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest
from support import pdf_samples

from secretary_common.errors import PermanentError
from secretary_documents.pdf.mupdf.document import open_document

TEXTS = ["eins", "zwei", "drei"]


def tree_of(document: pymupdf.Document) -> int:
    """Return the object of the root of the page tree."""
    return int(document.xref_get_key(document.pdf_catalog(), "Pages")[1].split()[0])


def texts_of(document: pymupdf.Document, folder: Path, most: int = 10) -> list[str]:
    path = folder / "sample.pdf"
    path.write_bytes(document.tobytes())
    with open_document(str(path), None, most) as opened:
        return [page.get_text(flags=pymupdf.TEXT_MEDIABOX_CLIP).strip() for page in opened]


def sample() -> pymupdf.Document:
    return pymupdf.open(stream=pdf_samples.text_pdf(TEXTS), filetype="pdf")


@pytest.mark.parametrize("count", ["1", "2", "0", "-3", "null", "9", "4000", "(x)"])
def test_a_file_that_states_another_number_of_pages_has_all_of_them(
    count: str, tmp_path: Path
) -> None:
    path = tmp_path / "sample.pdf"
    with sample() as document:
        document.xref_set_key(tree_of(document), "Other", count)
        # MuPDF would not save such a file.
        content = document.tobytes().replace(b"/Count", b"/Right").replace(b"/Other", b"/Count")
        path.write_bytes(content)
    with open_document(str(path), None, 10) as opened:
        assert opened.page_count == len(TEXTS)
        assert [page.get_text().strip() for page in opened] == TEXTS


def test_a_part_of_the_tree_that_states_too_few_pages_loses_none(tmp_path: Path) -> None:
    with sample() as document:
        root, part = tree_of(document), document.get_new_xref()
        kids = document.xref_get_key(root, "Kids")[1].strip("[]").split(" 0 R")
        inner = f"<</Type/Pages/Parent {root} 0 R/Count 1/Kids[{kids[1]} 0 R {kids[2]} 0 R]>>"
        document.update_object(part, inner)
        for page in (1, 2):
            document.xref_set_key(int(kids[page]), "Parent", f"{part} 0 R")
        document.xref_set_key(root, "Kids", f"[{kids[0]} 0 R {part} 0 R]")
        assert texts_of(document, tmp_path) == TEXTS


@pytest.mark.parametrize("box", ["[700 900 800 1000]", "[0 0 0 0]", "[0 0 100]", "[-9 -9 0 0]"])
@pytest.mark.parametrize("inherited", [True, False])
def test_a_crop_box_outside_of_the_page_hides_no_text(
    box: str, tmp_path: Path, *, inherited: bool
) -> None:
    with sample() as document:
        owners = [tree_of(document)] if inherited else [page.xref for page in document]
        for xref in owners:
            document.xref_set_key(xref, "CropBox", box)
        assert texts_of(document, tmp_path) == TEXTS


def test_a_crop_box_that_shows_a_part_of_the_page_stays(tmp_path: Path) -> None:
    with sample() as document:
        document[0].set_cropbox(pymupdf.Rect(0, 400, 300, 600))
        assert texts_of(document, tmp_path) == ["", "zwei", "drei"]


@pytest.mark.parametrize("unit", ["0", "-2"])
def test_a_page_without_a_size_is_read_in_points(unit: str, tmp_path: Path) -> None:
    with sample() as document:
        document.xref_set_key(document[0].xref, "UserUnit", unit)
        assert texts_of(document, tmp_path) == TEXTS


def test_a_tree_that_contains_itself_keeps_its_number_of_pages(tmp_path: Path) -> None:
    with sample() as document:
        root = tree_of(document)
        kids = document.xref_get_key(root, "Kids")[1].strip("[]")
        document.xref_set_key(root, "Kids", f"[{kids} {root} 0 R]")
        assert texts_of(document, tmp_path) == TEXTS


def test_a_tree_that_shares_its_parts_at_each_level_is_refused(tmp_path: Path) -> None:
    with sample() as document:
        root, below = tree_of(document), document.get_new_xref()
        kids = document.xref_get_key(root, "Kids")[1].strip("[]")
        document.update_object(below, "<</Type/Pages/Count 0/Kids[]>>")
        for _ in range(50):
            above = document.get_new_xref()
            document.update_object(above, f"<</Type/Pages/Count 0/Kids[{f'{below} 0 R ' * 2}]>>")
            below = above
        document.xref_set_key(root, "Kids", f"[{kids} {below} 0 R]")
        with pytest.raises(PermanentError, match="too many parts"):
            texts_of(document, tmp_path)
