"""The box of a block is where its words are on the picture of the page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pymupdf
import pytest
from support import pdf_samples

from secretary_documents.pdf import child
from secretary_documents.pdf.ocr_options import make_ocr_options

LEFT = "Minutes of the meeting in May. All members were there. The budget was approved."
RIGHT = "Next year the library will open on Sundays too. The doors will close at six."
OPEN = {"op": "open", "password": None, "max_pages": 10, "max_pixels": 10**8, "page_sec": 60}
DPI = 100
LEAST_IOU = 0.95
# Letters reach out of their boxes by a pixel, and thin rules are no text.
MOST_INK_OUTSIDE = 0.03


def columns() -> pymupdf.Document:
    document = pymupdf.open()
    page = document.new_page(width=420, height=300)
    page.insert_textbox((30, 40, 195, 280), " ".join([LEFT] * 3), fontsize=12)
    page.insert_textbox((225, 40, 390, 280), " ".join([RIGHT] * 3), fontsize=12)
    return document


def turned(degrees: int) -> Callable[[], pymupdf.Document]:
    def make() -> pymupdf.Document:
        document = columns()
        document[0].set_rotation(degrees)
        return document

    return make


def cropped() -> pymupdf.Document:
    document = pymupdf.open()
    page = document.new_page(width=520, height=400)
    page.insert_textbox((80, 90, 330, 300), f"{LEFT} {RIGHT}", fontsize=12)
    page.set_cropbox(pymupdf.Rect(60, 70, 400, 350))
    return document


def table() -> pymupdf.Document:
    document = pymupdf.open(stream=pdf_samples.report_pdf())
    document.select([1])
    return document


KINDS = {
    "columns": columns,
    "turned by 90": turned(90),
    "turned by 180": turned(180),
    "turned by 270": turned(270),
    "cropped": cropped,
    "table": table,
}


def scan_of(document: pymupdf.Document) -> pymupdf.Document:
    """Return *document* as an image of its page, as it is shown."""
    page = document[0]
    scan = pymupdf.open()
    shown = scan.new_page(width=page.rect.width, height=page.rect.height)
    shown.insert_image(shown.rect, pixmap=page.get_pixmap(dpi=200, colorspace=pymupdf.csGRAY))
    return scan


def blocks_of(document: pymupdf.Document, method: str, path: Any) -> list[dict[str, Any]]:
    path.write_bytes(document.tobytes())
    messages: list[dict[str, Any]] = []
    work = child.begin([str(path)])
    work(OPEN, messages.append)
    ocr = make_ocr_options(["deu", "eng"], None, engine="tesseract").request()
    work(
        {"op": "read", "pages": [1], "method": method, "output": "json", "ocr": ocr},
        messages.append,
    )
    found: list[dict[str, Any]] = json.loads(messages[-1]["page"]["text"])["blocks"]
    return found


def words_of(page: pymupdf.Page) -> list[tuple[str, pymupdf.Rect]]:
    """Return the words of *page* with their boxes on the page as it is shown."""
    turn = page.rotation_matrix
    return [(word[4], pymupdf.Rect(word[:4]) * turn) for word in page.get_text("words")]


def text_of(block: dict[str, Any]) -> str:
    cells = block.get("table", {}).get("cells", ())
    return " ".join([block.get("marker", ""), block["text"], *(cell["text"] for cell in cells)])


def word_iou(block: dict[str, Any], words: Sequence[tuple[str, pymupdf.Rect]]) -> float:
    """Return the area of words that are in the box and in the text, per area of all of both."""
    left, top, right, bottom = block["box"]
    wanted, both, only_inside = Counter(text_of(block).split()), 0.0, 0.0
    for text, box in words:
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        if left <= x <= right and top <= y <= bottom:
            if wanted[text]:
                wanted[text] -= 1
                both += box.get_area()
            else:
                only_inside += box.get_area()
    usual = sum(box.get_area() for _, box in words) / len(words)
    return both / (both + only_inside + usual * wanted.total())


def ink_outside(page: pymupdf.Page, blocks: Sequence[dict[str, Any]]) -> float:
    """Return the share of the ink on the picture of *page* that is in no box."""
    picture = page.get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY, alpha=False)
    before = sum(value < 128 for value in picture.samples)
    for block in blocks:
        left, top, right, bottom = pymupdf.Rect(block["box"]) * (DPI / 72)
        drawn = pymupdf.Rect(left - 1, top - 1, right + 1, bottom + 1)
        picture.set_rect(drawn.irect & picture.irect, (255,))
    return sum(value < 128 for value in picture.samples) / before


@pytest.fixture(autouse=True)
def _own_cpu_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the CPU limit of the process that runs the tests."""
    monkeypatch.setattr(child, "allow_cpu", lambda _: None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["native", "ocr", "combined"])
def test_boxes_on_the_picture_of_a_page_hold_the_words_of_their_blocks(
    kind: str, method: str, tmp_path: Any
) -> None:
    document = KINDS[kind]()
    words = words_of(document[0])
    source = document if method == "native" else scan_of(document)
    blocks = blocks_of(source, method, tmp_path / "sample.pdf")
    assert blocks
    assert [word_iou(block, words) for block in blocks] == [
        pytest.approx(1, abs=1 - LEAST_IOU) for _ in blocks
    ]
    assert ink_outside(document[0], blocks) <= MOST_INK_OUTSIDE
