"""Reads the form fields and the annotations of a page. Runs in the child only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import pymupdf

from secretary_documents.pdf.mupdf.errors import ODD_PAGE_ERRORS, raising_memory_error
from secretary_documents.pdf.mupdf.page import rotation_of

MOST_NOTES = 2000
"""The most form fields of a page, and the most annotations."""
LONGEST_TEXT = 20_000
"""The most characters of a value or a text. The rest is left out."""
MOST_OPTIONS = 200

Entry = dict[str, Any]

_NO_NOTES = ("Widget", "Link", "Popup")
_CORNERS = 4
_MOMENT = len("YYYYMMDDhhmmss")
_MARKS = ("Highlight", "Underline", "Squiggly", "StrikeOut")


def notes_on(page: pymupdf.Page, *, annotations: bool) -> dict[str, list[Entry]]:
    """Return the ``form_fields`` of *page*, and its ``annotations`` if they are requested."""
    return {
        "form_fields": _readable(_form_fields(page)),
        "annotations": _readable(_annotations(page)) if annotations else [],
    }


def _readable(entries: Iterator[Entry]) -> list[Entry]:
    """Return *entries* up to the first one that MuPDF cannot find."""
    found: list[Entry] = []
    with suppress(*ODD_PAGE_ERRORS), raising_memory_error():
        found.extend(islice(entries, MOST_NOTES))
    return found


def _form_fields(page: pymupdf.Page) -> Iterator[Entry]:
    for widget in page.widgets():
        with suppress(*ODD_PAGE_ERRORS), raising_memory_error():
            yield _form_field(widget, page)


def _form_field(widget: Any, page: pymupdf.Page) -> Entry:
    kind = widget.field_type_string.lower()
    value = widget.field_value
    if kind in ("checkbox", "radiobutton"):
        value = value not in (None, False, "", "Off")
    elif isinstance(value, list | tuple):
        value = [_short(one) for one in value[:MOST_OPTIONS]]
    elif value is not None:
        value = _short(value)
    choices = widget.choice_values or ()
    optional = {
        "label": _short(widget.field_label) if widget.field_label else None,
        "options": [_choice(one) for one in choices[:MOST_OPTIONS]] or None,
    }
    return {
        "page": page.number + 1,
        "name": _short(widget.field_name or ""),
        "kind": kind,
        "value": value,
        "box": _box(widget.rect, page),
        **{name: one for name, one in optional.items() if one is not None},
    }


def _choice(choice: Any) -> str:
    """Return the text that a form shows for *choice*: the text, or its value and its text."""
    return _short(choice[-1] if isinstance(choice, list | tuple) and choice else choice)


def _annotations(page: pymupdf.Page) -> Iterator[Entry]:
    words: list[Any] | None = None
    for annotation in page.annots():
        with suppress(*ODD_PAGE_ERRORS), raising_memory_error():
            if annotation.type[1] not in _NO_NOTES:
                if words is None and annotation.type[1] in _MARKS:
                    words = page.get_text("words")
                yield _annotation(annotation, page, words or [])


def _annotation(annotation: Any, page: pymupdf.Page, words: Sequence[Any]) -> Entry:
    about = annotation.info
    optional = {
        "author": about.get("title"),
        "subject": about.get("subject"),
        "created": _moment(about.get("creationDate")),
        "modified": _moment(about.get("modDate")),
        "marked_text": _marked(annotation, page, words) if annotation.type[1] in _MARKS else None,
    }
    return {
        "page": page.number + 1,
        "kind": annotation.type[1].lower(),
        "text": _short(about.get("content") or ""),
        "box": _box(annotation.rect, page),
        **{name: _short(one) for name, one in optional.items() if one},
    }


def _marked(annotation: Any, page: pymupdf.Page, words: Sequence[Any]) -> str:
    """Return those of the *words* of *page* that are under a highlight or another mark."""
    # PyMuPDF takes the rotation from the corners with a matrix of its own (``rotation_of``).
    mended = page.rotation_matrix * ~rotation_of(page)
    corners = annotation.vertices or []
    quads = [corners[start : start + 4] for start in range(0, len(corners), 4)]
    places = [pymupdf.Quad(quad).rect * mended for quad in quads if len(quad) == _CORNERS]
    places = places or [annotation.rect]
    found = [
        word[4]
        for word in words
        if any(
            place.contains(pymupdf.Point((word[0] + word[2]) / 2, (word[1] + word[3]) / 2))
            for place in places[:MOST_OPTIONS]
        )
    ]
    return " ".join(found)


def _moment(written: str | None) -> str | None:
    """Return a date of a PDF (``D:20240131120000Z``) as ``2024-01-31T12:00:00``, else None."""
    digits = (written or "").removeprefix("D:")[:_MOMENT]
    if len(digits) < _MOMENT or not digits.isdecimal():
        return None
    date = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
    return f"{date}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}"


def _box(place: pymupdf.Rect, page: pymupdf.Page) -> list[float]:
    """Return *place*, of a page without its rotation, on the page as it is shown."""
    shown = pymupdf.Rect(place) * rotation_of(page)
    return [round(side, 1) for side in shown.normalize()]


def _short(text: Any) -> str:
    return str(text)[:LONGEST_TEXT]
