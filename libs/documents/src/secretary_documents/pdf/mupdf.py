"""Calls MuPDF: opens and unlocks a document, reads, measures, draws and copies its pages.

Runs in the child process only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.method_choice import DrawingStats

# Ligatures are split, so that "fi" can be searched for. Characters without a meaning in the file
# become U+FFFD. MuPDF's default would replace them by glyph numbers, which look like text.
TEXT_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
MUPDF_ERRORS = (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase)
"""The errors that PyMuPDF raises for a document or a page that it cannot read."""
POINTS_PER_INCH = 72
# At this resolution letters of 10 points are 5 pixels high. Fewer pixels are not
# legible.
LEAST_DPI = 36
_LEAST_HEIGHT, _SAME_HEIGHT = 0.01, 0.001
_THIN = 0.1
# The text of most pages has fewer bytes. The buffer grows for more.
_TEXT_BYTES = 8192
_NO_MEMORY = re.compile(r"\b[mc]?(?:re)?alloc \([^()\n]*+\) failed")

_HANDLER = re.compile(r"unknown encryption handler: '([^'\n]{0,40})'")
# The names of public-key security handlers (ISO 32000-1, 7.6.4).
_CERTIFICATE_HANDLERS = frozenset({"Adobe.PubSec", "Adobe.PPKLite", "Entrust.PPKEF"})


def silence_mupdf() -> None:
    """Stop MuPDF from printing errors and warnings about odd files."""
    pymupdf.TOOLS.mupdf_display_errors(False)  # noqa: FBT003 - its signature
    pymupdf.TOOLS.mupdf_display_warnings(False)  # noqa: FBT003 - its signature
    pymupdf.no_recommend_layout()
    # Boxes of letters are as high as the font size. Some fonts have far higher ones.
    pymupdf.TOOLS.set_small_glyph_heights(True)


@contextmanager
def raising_memory_error() -> Iterator[None]:
    """Turn MuPDF's error for "out of memory" into ``MemoryError``."""
    try:
        yield
    except MUPDF_ERRORS as error:
        # Only the message shows the cause. The class is the same as for an unreadable file.
        if _NO_MEMORY.search(f"{error} {error.__cause__}"):
            raise MemoryError from error
        raise


def open_document(path: str, password: str | None, max_pages: int) -> pymupdf.Document:
    """Open and unlock the document at *path*.

    Raises:
        PermanentError: PDF_INVALID, PDF_PASSWORD_REQUIRED, PDF_WRONG_PASSWORD,
            PDF_CERTIFICATE_REQUIRED or PDF_TOO_MANY_PAGES.
    """
    try:
        with raising_memory_error():
            # Without the type, MuPDF would also open HTML, images and archives.
            document = pymupdf.open(path, filetype="pdf")
            if document.needs_pass:
                _unlock(document, password)
            pages = document.page_count
    except MUPDF_ERRORS as error:
        raise _refusal(error) from error
    if not document.is_pdf or pages == 0:  # a file beyond repair, for which MuPDF raises no error
        raise _invalid()
    if pages > max_pages:
        message = f"the document has {pages} pages, at most {max_pages} are allowed"
        raise PermanentError(message, code=ErrorCode.PDF_TOO_MANY_PAGES)
    return document


def _refusal(error: Exception) -> PermanentError:
    """Return the error for a document that MuPDF cannot open. Only its message shows the cause."""
    found = _HANDLER.search(f"{error} {error.__cause__}")
    if found is None:
        return _invalid()
    if found[1] in _CERTIFICATE_HANDLERS:
        message = "the document is encrypted for the owner of a certificate: decrypt it first"
        return PermanentError(message, code=ErrorCode.PDF_CERTIFICATE_REQUIRED)
    message = f"the document is encrypted by an unknown method ({found[1]})"
    return PermanentError(message, code=ErrorCode.PDF_INVALID)


def _invalid() -> PermanentError:
    return PermanentError("the file is not a readable PDF", code=ErrorCode.PDF_INVALID)


def _unlock(document: pymupdf.Document, password: str | None) -> None:
    if password is None:
        message = "the document is encrypted: give its password"
        raise PermanentError(message, code=ErrorCode.PDF_PASSWORD_REQUIRED)
    if not document.authenticate(password):
        message = "the password does not open the document"
        raise PermanentError(message, code=ErrorCode.PDF_WRONG_PASSWORD)


def describe(document: pymupdf.Document) -> dict[str, Any]:
    """Return the page count, title and author of *document*.

    Return also whether MuPDF repaired it, and whether it has a form.
    """
    found = document.metadata or {}
    return {
        "page_count": document.page_count,
        "title": found.get("title") or None,
        "author": found.get("author") or None,
        "repaired": bool(document.is_repaired),
        "form": bool(document.is_form_pdf),
    }


def area_of(page: pymupdf.Page) -> tuple[float, float, float, float]:
    """Return the area of *page* without its rotation, as MuPDF gives text, pictures and paths."""
    area = page.rect
    sides = (area.height, area.width) if page.rotation % 180 else (area.width, area.height)
    return (0.0, 0.0, *sides)


TextBlock = tuple[tuple[float, float, float, float], str]
"""A block of text: its box in points, and its lines."""


def text_blocks(text: pymupdf.TextPage) -> list[TextBlock]:
    """Return the blocks of *text* in the order of the file, each line with its end.

    MuPDF itself writes the text, which takes a tenth of the time of PyMuPDF's loop over the
    characters. The boxes are as high as the fonts say. ``small_text_blocks`` has lower ones.
    """
    buffer = pymupdf.mupdf.fz_new_buffer(_TEXT_BYTES)
    output = pymupdf.mupdf.FzOutput(buffer)
    pymupdf.mupdf.fz_print_stext_page_as_text(output, text.this)
    output.fz_close_output()
    try:
        written = pymupdf.mupdf.fz_buffer_extract(buffer).decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return small_text_blocks(text)
    # After each block is an empty line.
    *blocks, _ = written.split("\n\n")
    boxes = list(_boxes(text))
    if len(blocks) != len(boxes):  # a character of a block is the end of a line
        return small_text_blocks(text)
    return [(box, f"{lines}\n") for box, lines in zip(boxes, blocks, strict=True)]


def _boxes(text: pymupdf.TextPage) -> Iterator[tuple[float, float, float, float]]:
    block = text.this.m_internal.first_block
    while block:
        if block.type == pymupdf.mupdf.FZ_STEXT_BLOCK_TEXT:
            box = block.bbox
            yield box.x0, box.y0, box.x1, box.y1
        block = block.next


def small_text_blocks(text: pymupdf.TextPage) -> list[TextBlock]:
    """Return the blocks of *text* with boxes in which each letter is as high as its font size."""
    found = text.extractBLOCKS()
    return [((block[0], block[1], block[2], block[3]), str(block[4])) for block in found]


def styled_blocks(text: pymupdf.TextPage) -> list[dict[str, Any]]:
    """Return the blocks of *text* with lines and spans. Each letter is as high as its font size.

    PyMuPDF needs as long to lower the boxes of letters as for all else. So the boxes of spans are
    lowered here, unless a line is turned or raised, or a font has no height.
    """
    with _boxes_as_in_the_font():
        blocks: list[dict[str, Any]] = text.extractDICT(sort=False)["blocks"]
    lines = [line for block in blocks for line in block.get("lines", ())]
    heights: dict[str, float] = {}
    if all(_lower(line, heights) for line in lines):
        return blocks
    return list(text.extractDICT(sort=False)["blocks"])


def character_blocks(text: pymupdf.TextPage) -> list[dict[str, Any]]:
    """Return the blocks of *text* with characters. ``thin`` says that a character has no width."""
    blocks: list[dict[str, Any]] = text.extractRAWDICT(sort=False)["blocks"]
    with _boxes_as_in_the_font():
        drawn = list(_characters(text.extractRAWDICT(sort=False)["blocks"]))
    chars = list(_characters(blocks))
    for char, same in zip(chars, drawn if len(drawn) == len(chars) else chars, strict=True):
        char["thin"] = same["bbox"][2] - same["bbox"][0] < _THIN
    return blocks


def _characters(blocks: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    lines = (line for block in blocks for line in block.get("lines", ()))
    return (char for line in lines for span in line["spans"] for char in span["chars"])


@contextmanager
def _boxes_as_in_the_font() -> Iterator[None]:
    """Let PyMuPDF give the boxes of letters as the font has them."""
    pymupdf.TOOLS.unset_quad_corrections(True)  # noqa: FBT003 - its signature
    try:
        yield
    finally:
        pymupdf.TOOLS.unset_quad_corrections(False)  # noqa: FBT003 - its signature


def _lower(line: dict[str, Any], heights: dict[str, float]) -> bool:
    """Make the boxes of an upright *line* as high as its font sizes; return whether this is safe.

    *heights*: the height of each font for each point of its size. It is constant on one baseline.
    """
    spans = line["spans"]
    if line["dir"] != (1.0, 0.0) or line["wmode"] or not spans:
        return False
    for span in spans:
        left, top, right, bottom = span["bbox"]
        size, y = span["size"], span["origin"][1]
        if min(size, y - top) < _LEAST_HEIGHT or bottom - top < _LEAST_HEIGHT:
            return False
        height = (bottom - top) / size
        if abs(heights.setdefault(span["font"], height) - height) > _SAME_HEIGHT:
            return False
        span["bbox"] = (left, y - (y - top) / height, right, y + (bottom - y) / height)
    left, _, right, _ = line["bbox"]
    boxes = [span["bbox"] for span in spans]
    line["bbox"] = (left, min(box[1] for box in boxes), right, max(box[3] for box in boxes))
    return True


def drawing_stats(page: pymupdf.Page) -> DrawingStats:
    """Return the measures of the drawing on *page*."""
    images, paths, whole = 0.0, 0, pymupdf.Rect(area_of(page))
    for kind, box in page.get_bboxlog():
        if kind.startswith("fill-im"):  # fill-image, fill-imgmask
            images += abs(pymupdf.Rect(box) & whole)
        elif kind.endswith("-path"):
            paths += 1
    area = abs(whole) or 1.0
    return DrawingStats(image_cover=min(images / area, 1.0), paths=paths)


def copy_pages(document: pymupdf.Document, pages: Sequence[int]) -> bytes:
    """Return a PDF of *pages* in this order, without a password.

    The caller must not use *document* afterwards.

    Raises:
        PermanentError: PDF_INVALID, the pages cannot be copied.
    """
    with suppress(*MUPDF_ERRORS):
        return _copied(document, pages)
    try:
        return _copied(_rewritten(document, pages), range(1, len(pages) + 1))
    except MUPDF_ERRORS as error:
        message = "pages of the PDF cannot be copied"
        raise PermanentError(message, code=ErrorCode.PDF_INVALID) from error


@raising_memory_error()
def _copied(document: pymupdf.Document, pages: Sequence[int]) -> bytes:
    with pymupdf.open() as copy:
        for first, last in page_runs(pages):
            copy.insert_pdf(document, from_page=first - 1, to_page=last - 1)
        # Objects that the pages do not use are left out.
        return bytes(copy.tobytes(garbage=3, deflate=True))


@raising_memory_error()
def _rewritten(document: pymupdf.Document, pages: Sequence[int]) -> pymupdf.Document:
    """Return *pages* of *document* as a document without references to missing objects.

    ISO 32000-1 (7.3.10) treats a missing object as null, but MuPDF does not copy a reference to it.
    """
    document.select([number - 1 for number in pages])
    content = document.tobytes(garbage=1, encryption=pymupdf.mupdf.PDF_ENCRYPT_NONE)
    return pymupdf.open(stream=content, filetype="pdf")


def page_runs(pages: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last number of each run of consecutive *pages*."""
    start = 0
    for index, number in enumerate(pages, start=1):
        if index == len(pages) or pages[index] != number + 1:
            yield pages[start], number
            start = index


def fitting_dpi(width: float, height: float, dpi: int, max_pixels: int) -> int:
    """Return the resolution, at most *dpi*, at which a page has at most *max_pixels*.

    *width* and *height* are the size of the page in points.
    """
    square_inches = max(width * height / POINTS_PER_INCH**2, 1e-9)
    return max(1, min(dpi, int(math.sqrt(max_pixels / square_inches))))


def legible_dpi(page: pymupdf.Page, dpi: int, max_pixels: int) -> int:
    """Return the resolution at which to recognise *page*, at most *dpi*.

    Raises:
        PermanentError: PDF_PAGE_TOO_LARGE, an image of *max_pixels* would not be legible.
    """
    fitting = fitting_dpi(page.rect.width, page.rect.height, dpi, max_pixels)
    if fitting < min(LEAST_DPI, dpi):
        width, height = (round(side) for side in (page.rect.width, page.rect.height))
        message = f"the page is too large to be read as an image ({width} x {height} points)"
        raise PermanentError(message, code=ErrorCode.PDF_PAGE_TOO_LARGE)
    return fitting


def render_jpeg(
    page: pymupdf.Page, *, dpi: int, max_side: int, max_pixels: int, quality: int
) -> tuple[bytes, int, int]:
    """Return *page* as a JPEG, and its width and height in pixels, each at most *max_side*."""
    width, height = page.rect.width, page.rect.height
    fitting = fitting_dpi(width, height, dpi, max_pixels)
    scale = min(fitting / POINTS_PER_INCH, (max_side - 1) / max(width, height, 1.0))
    pixmap = page.get_pixmap(
        matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csRGB, alpha=False
    )
    return pixmap.tobytes("jpeg", jpg_quality=quality), pixmap.width, pixmap.height


def render_png(page: pymupdf.Page, place: Sequence[float], *, dpi: int, max_pixels: int) -> bytes:
    """Return what *page* shows at *place* as a PNG of at most *max_pixels*.

    *place*: the left, upper, right and lower side in points of the page as it is shown.
    """
    clip = pymupdf.Rect(place) & page.rect
    scale = fitting_dpi(clip.width, clip.height, dpi, max_pixels) / POINTS_PER_INCH
    pixmap = page.get_pixmap(
        matrix=pymupdf.Matrix(scale, scale), clip=clip, colorspace=pymupdf.csRGB, alpha=False
    )
    return bytes(pixmap.tobytes("png"))
