"""Scans of pages in several scripts."""

from __future__ import annotations

from collections.abc import Iterable

import pymupdf

MINUTES = {
    "CJK": "人类社会的发展经历了漫长的历史过程。今天会议讨论了明年的预算和图书馆的开放时间。",
    "Hebrew": "הישיבה התחילה בשעה תשע. כל חברי הוועדה היו נוכחים.",
    "Latin": "The minutes of the last meeting were approved. All members were there.",
}
"""A text by the name of its script. MuPDF has a font for each."""


def script_scan(scripts: Iterable[str], *, dpi: int = 200) -> bytes:
    """Return a scan with a page of text in each of *scripts*."""
    with pymupdf.open() as scan:
        for script in scripts:
            text = MINUTES[script]
            with pymupdf.open() as written:
                page = written.new_page()
                place = (72, 90, 520, 760)
                page.insert_htmlbox(place, " ".join([text] * 6), css="* {font-size: 14px}")
                picture = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
                scan.new_page().insert_image(page.rect, pixmap=picture)
        return bytes(scan.tobytes(deflate=True))
