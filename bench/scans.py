"""Generates scans with known text: four layouts, each in four conditions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pymupdf

A4 = pymupdf.paper_rect("a4")
MARGIN = 60
BODY = pymupdf.Rect(MARGIN, MARGIN, A4.width - MARGIN, A4.height - MARGIN)
"""The page without its margins."""
NOISE_OPACITY = 41
"""Of 255. Uniform noise of this opacity has a standard deviation of 12."""
_POINTS_PER_INCH = 72

ENGLISH = (
    "The committee met on the second Tuesday of October to consider the plans for the new library. "
    "Its members had received the drawings a week before, together with an estimate of the cost. "
    "After a long discussion they agreed that the reading room should face the garden, not the "
    "street, and that the children's books deserve a room of their own. The architect was asked "
    "to find out whether the old oak could stay where it is; everybody hoped it could. "
)
GERMAN = (
    "Der Ausschuss trat am zweiten Dienstag im Oktober zusammen, um die Pläne für die neue "
    "Bücherei zu prüfen. Die Mitglieder hatten die Zeichnungen eine Woche vorher erhalten, dazu "
    "eine Schätzung der Kosten über 48.500 Euro. Nach längerer Aussprache war man sich einig, "
    "dass der Lesesaal zum Garten hin liegen müsse und nicht zur Straße, und dass größere Räume "
    "für Kinderbücher nötig seien. Ob die alte Eiche bleiben darf, soll der Architekt klären. "
)
TABLE = (
    ("Artikel", "Menge", "Preis", "Summe"),
    ("Äpfel", "12", "3,40", "40,80"),
    ("Käse", "2", "17,90", "35,80"),
    ("Brötchen", "30", "0,45", "13,50"),
    ("Weißwein", "6", "8,25", "49,50"),
    ("Öl", "1", "11,20", "11,20"),
    ("Summe", "51", "", "150,80"),
)


@dataclass(frozen=True, slots=True)
class Scan:
    """A page that is an image, and its text."""

    layout: str
    condition: str
    language: str
    text: str
    pdf: bytes


def scans() -> Iterator[Scan]:
    """Yield a scan for each layout and condition."""
    for layout, (language, draw) in LAYOUTS.items():
        with pymupdf.open() as document:
            text = draw(document.new_page(width=A4.width, height=A4.height))
            for condition, make in CONDITIONS.items():
                yield Scan(layout, condition, language, text, _as_pdf(make(document[0])))


def _prose(text: str, repeats: int = 5) -> Callable[[pymupdf.Page], str]:
    def draw(page: pymupdf.Page) -> str:
        return _fill(page, BODY, text * repeats)

    return draw


def _two_columns(page: pymupdf.Page) -> str:
    middle = A4.width / 2
    left = pymupdf.Rect(MARGIN, MARGIN, middle - 12, A4.height - MARGIN)
    right = pymupdf.Rect(middle + 12, MARGIN, A4.width - MARGIN, A4.height - MARGIN)
    other = " ".join(sentence for sentence in reversed(ENGLISH.strip().split(". ")))
    return f"{_fill(page, left, ENGLISH * 3)} {_fill(page, right, f'{other} ' * 3)}"


def _table(page: pymupdf.Page) -> str:
    for row, cells in enumerate(TABLE):
        for column, cell in enumerate(cells):
            box = pymupdf.Rect(0, 0, 110, 26) + (MARGIN + 110 * column, 90 + 26 * row) * 2
            page.draw_rect(box)
            page.insert_text((box.x0 + 8, box.y1 - 8), cell, fontname="helv", fontsize=11)
    return " ".join(cell for cells in TABLE for cell in cells)


def _fill(page: pymupdf.Page, box: pymupdf.Rect, text: str) -> str:
    left = page.insert_textbox(box, text, fontname="tiro", fontsize=11, lineheight=1.4)
    if left < 0:
        raise ValueError("the text does not fit on its page")
    return text


LAYOUTS: dict[str, tuple[str, Callable[[pymupdf.Page], str]]] = {
    "prose": ("eng", _prose(ENGLISH)),
    "prosa": ("deu", _prose(GERMAN)),
    "columns": ("eng", _two_columns),
    "table": ("deu", _table),
}


def _clean(page: pymupdf.Page) -> pymupdf.Pixmap:
    return page.get_pixmap(dpi=300, colorspace=pymupdf.csGRAY)


def _noisy(page: pymupdf.Page) -> pymupdf.Pixmap:
    picture = page.get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
    width, height = picture.width, picture.height
    chance = random.Random(7)  # noqa: S311 - no secret: a seed gives each run the same noise
    size = (pymupdf.csGRAY, width, height)
    noise = pymupdf.Pixmap(*size, chance.randbytes(width * height), 0)
    mask = pymupdf.Pixmap(*size, bytes([NOISE_OPACITY]) * (width * height), 0)
    with pymupdf.open() as document:
        both = document.new_page(width=page.rect.width, height=page.rect.height)
        both.insert_image(both.rect, pixmap=picture)
        both.insert_image(both.rect, stream=noise.tobytes("png"), mask=mask.tobytes("png"))
        seen: pymupdf.Pixmap = both.get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
        return seen


def _turned(degrees: float, dpi: int = 200) -> Callable[[pymupdf.Page], pymupdf.Pixmap]:
    scale = dpi / _POINTS_PER_INCH

    def make(page: pymupdf.Page) -> pymupdf.Pixmap:
        matrix = pymupdf.Matrix(scale, scale).prerotate(degrees)
        return page.get_pixmap(matrix=matrix, colorspace=pymupdf.csGRAY)

    return make


CONDITIONS: dict[str, Callable[[pymupdf.Page], pymupdf.Pixmap]] = {
    "clean": _clean,
    "noisy": _noisy,
    "skewed": _turned(1.5),
    "rotated": _turned(90),
}


def _as_pdf(picture: pymupdf.Pixmap) -> bytes:
    wide = picture.width > picture.height
    with pymupdf.open() as document:
        size = (A4.height, A4.width) if wide else (A4.width, A4.height)
        page = document.new_page(width=size[0], height=size[1])
        page.insert_image(page.rect, stream=picture.tobytes("jpeg", jpg_quality=70))
        return bytes(document.tobytes())
