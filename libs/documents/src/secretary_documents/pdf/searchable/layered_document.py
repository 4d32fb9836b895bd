"""Adds layers of invisible text to the pages of an open document, and writes the document."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pymupdf

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.method_choice import GARBLED_SHARE, unknown_share
from secretary_documents.pdf.mupdf.errors import MUPDF_ERRORS, raising_memory_error
from secretary_documents.pdf.mupdf.page import rotation_of
from secretary_documents.pdf.mupdf.text import TEXT_FLAGS
from secretary_documents.pdf.searchable.glyphless_font import GlyphlessFont
from secretary_documents.pdf.searchable.layer_line import LayerLine
from secretary_documents.pdf.searchable.text_layer import layer_operators

_FONT = "SecretaryGlyphless"
# Text between these operators is replaced by the empty text (ISO 32000-1, 14.9.4).
_HIDE, _HIDDEN = "/Span <</ActualText <FEFF>>> BDC", "EMC"
_MOST_LABELS = 5000


class LayeredDocument:
    """An open document whose pages get layers. Do not read its pages afterwards."""

    def __init__(self, document: pymupdf.Document, password: str | None) -> None:
        """*password*: the password that has opened the document."""
        self._document = document
        self._password = password or ""
        self._font: GlyphlessFont | None = None
        self._layered: set[int] = set()

    def add_layer(self, number: int, lines: Sequence[LayerLine]) -> None:
        """Add *lines* to page *number*, counted from 1.

        Words that the page has as text already are left out. If the text of the page has no known
        meaning, all lines are added, and readers skip that text. A page that cannot be changed
        keeps its content.
        """
        with suppress(*MUPDF_ERRORS), raising_memory_error():
            page = self._document.load_page(number - 1)
            if page.xref not in self._layered:  # two pages may be the same object
                self._layered.add(page.xref)
                self._add(page, lines)

    def _add(self, page: pymupdf.Page, lines: Sequence[LayerLine]) -> None:
        hide_text = unknown_share(page.get_text(flags=TEXT_FLAGS)) >= GARBLED_SHARE
        kept = lines if hide_text else _without_native(lines, page)
        font = self._font = self._font or GlyphlessFont(self._document)
        operators = layer_operators(kept, _FONT, font.encode, ~_to_page(page))
        if not operators:
            return
        before, after = _balance(page)
        start = ["q " * (before + 1), *([_HIDE] if hide_text else [])]
        # A marked sequence lies inside the states that the page itself has opened.
        end = [*([_HIDDEN] if hide_text else []), "Q " * (after + 1), operators]
        self._surround(page, "\n".join(start) + "\n", "\n" + "\n".join(end) + "\n")
        _add_font(page, font.xref)

    def _surround(self, page: pymupdf.Page, start: str, end: str) -> None:
        document = self._document
        xrefs = []
        for content in (start, end):
            xref = document.get_new_xref()
            document.update_object(xref, "<<>>")
            document.update_stream(xref, content.encode("ascii"), compress=True)
            xrefs.append(xref)
        own = [f"{xref} 0 R" for xref in page.get_contents()]
        contents = " ".join([f"{xrefs[0]} 0 R", *own, f"{xrefs[1]} 0 R"])
        document.xref_set_key(page.xref, "Contents", f"[{contents}]")

    def write(self, pages: Sequence[int]) -> bytes:
        """Return the document with only *pages*, ascending.

        Bookmarks and labels of these pages, the password and the permissions stay.

        Raises:
            RuntimeError: and other ``MUPDF_ERRORS``, the document cannot be written.
        """
        document = self._document
        if self._font:
            self._font.finish()
        whole = len(pages) == document.page_count
        with raising_memory_error():
            if not whole:
                labels = _labels_of(document, pages)
                document.select([number - 1 for number in pages])
                if labels:
                    document.set_page_labels(labels)
            return bytes(
                document.tobytes(
                    # Objects that only other pages use are left out.
                    garbage=0 if whole else 2,
                    # Compressed streams, such as images, stay as they are.
                    deflate=True,
                    use_objstms=1,
                    **self._encryption(),
                )
            )

    def _encryption(self) -> dict[str, Any]:
        """Return the options that keep the encryption, or encrypt with the given password."""
        document, mupdf = self._document, pymupdf.mupdf
        if document.xref_get_key(-1, "ID")[0] != "null" or not (document.metadata or {}).get(
            "encryption"
        ):
            return {"encryption": mupdf.PDF_ENCRYPT_KEEP}
        # A key may depend on the identifier of the file. MuPDF writes a new one where none was.
        return {
            "encryption": mupdf.PDF_ENCRYPT_AES_256,
            "user_pw": self._password,
            "owner_pw": self._password,
            "permissions": document.permissions,
        }


def _without_native(lines: Sequence[LayerLine], page: pymupdf.Page) -> list[LayerLine]:
    """Return *lines* without the words that stand where the page has a word already."""
    # MuPDF reads a page without its rotation.
    shown = rotation_of(page)
    native = [Box(*(pymupdf.Rect(word[:4]) * shown)) for word in page.get_text("words")]
    if not native:
        return list(lines)
    rows = _Rows(native)
    return [
        replace(line, words=tuple(word for word in line.words if not rows.have(word.box)))
        for line in lines
    ]


class _Rows:
    """Boxes, found by a point inside."""

    _STEP = 20.0

    def __init__(self, boxes: Sequence[Box]) -> None:
        self._rows: dict[int, list[Box]] = {}
        for box in boxes:
            # A box that is higher than a page is damaged.
            first, last = int(box.top // self._STEP), int(box.bottom // self._STEP)
            for row in range(first, min(last, first + 100) + 1):
                self._rows.setdefault(row, []).append(box)

    def have(self, box: Box) -> bool:
        """Return whether the middle of *box* is inside one of the boxes."""
        middle = box.middle
        return any(one.holds(middle) for one in self._rows.get(int(middle[1] // self._STEP), ()))


def _to_page(page: pymupdf.Page) -> pymupdf.Matrix:
    """Return the matrix that turns points of the file into points of *page* as it is shown."""
    # PyMuPDF's own matrices are wrong for a rotated page with a crop box.
    box, matrix = pymupdf.mupdf.FzRect(), pymupdf.mupdf.FzMatrix()
    pymupdf.mupdf.pdf_page_transform(pymupdf.mupdf.pdf_page_from_fz_page(page), box, matrix)
    return pymupdf.Matrix(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)


def _balance(page: pymupdf.Page) -> tuple[int, int]:
    """Return how many ``q`` are missing before the content of *page*, and ``Q`` after it."""
    balance: Any = page._count_q_balance()  # noqa: SLF001 - the only way that PyMuPDF has
    return int(balance[0]), int(balance[1])


def _add_font(page: pymupdf.Page, font: int) -> None:
    """Add the object *font* to the resources of *page*, which it may inherit or share."""
    mupdf = pymupdf.mupdf
    document = mupdf.pdf_document_from_fz_document(page.parent)
    entry = mupdf.pdf_page_from_fz_page(page).obj()
    resources = mupdf.pdf_dict_get_inheritable(entry, mupdf.PDF_ENUM_NAME_Resources)
    if not mupdf.pdf_is_dict(resources):
        resources = mupdf.pdf_dict_put_dict(entry, mupdf.PDF_ENUM_NAME_Resources, 2)
    fonts = mupdf.pdf_dict_get(resources, mupdf.PDF_ENUM_NAME_Font)
    if not mupdf.pdf_is_dict(fonts):
        fonts = mupdf.pdf_dict_put_dict(resources, mupdf.PDF_ENUM_NAME_Font, 2)
    mupdf.pdf_dict_puts(fonts, _FONT, mupdf.pdf_new_indirect(document, font, 0))


def _labels_of(document: pymupdf.Document, pages: Sequence[int]) -> list[dict[str, Any]]:
    """Return the rules for page labels of a document that has only *pages*, ascending."""
    with suppress(*MUPDF_ERRORS, KeyError, TypeError, AttributeError):
        rules = sorted(document.get_page_labels(), key=lambda rule: rule["startpage"])
        return _shifted(rules[:_MOST_LABELS], pages[0] - 1)
    return []


def _shifted(rules: Sequence[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    """Return *rules* for a document that begins with the page of index *first*."""
    before = [rule for rule in rules if rule["startpage"] <= first]
    shifted = []
    if before:
        rule = before[-1]
        number = rule.get("firstpagenum", 1) + first - rule["startpage"]
        shifted.append({**rule, "startpage": 0, "firstpagenum": number})
    later = (rule for rule in rules if rule["startpage"] > first)
    return shifted + [{**rule, "startpage": rule["startpage"] - first} for rule in later]
