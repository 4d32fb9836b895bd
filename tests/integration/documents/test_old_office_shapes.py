"""Shapes of Word 97 and PowerPoint 97 files, which the real LibreOffice writes and converts."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from typing import Any

import msoffcrypto
import pytest
from support.document_harness import DocumentHarness, documents_of
from support.office_samples import add_footnote, png, slides, word
from support.office_shapes import (
    BLANK,
    TITLE_ONLY,
    slide,
    slide_group,
    slide_link,
    slide_merged_cells,
    slide_notes,
    slide_right_to_left,
    word_link,
    word_merged_cells,
    word_right_to_left,
    word_table_in_a_table,
)
from support.old_office_samples import converted, marked_as_encrypted

from secretary_common.errors import PermanentError
from secretary_common.settings.documents import DocumentsSection, PdfSection

pytestmark = pytest.mark.drill


def word_picture(document: Any) -> None:
    document.add_paragraph("before")
    document.add_picture(io.BytesIO(png()))


def slide_picture(presentation: Any) -> None:
    made = slide(presentation, TITLE_ONLY, "Map")
    made.shapes.add_picture(io.BytesIO(png()), 0, 0)


def with_end(fill: Callable[[Any], object]) -> bytes:
    """Return a Word document with a paragraph after the table, which LibreOffice needs."""

    def filled(document: Any) -> None:
        fill(document)
        document.add_paragraph("end")

    return word(filled)


def footnote() -> bytes:
    return add_footnote(word(lambda document: document.add_paragraph("A claim")), "The proof.")


NEWER: dict[str, tuple[Callable[[], bytes], str]] = {
    "doc: merged cells": (
        lambda: with_end(word_merged_cells),
        "| 00 | wide |  |\n| --- | --- | --- |\n| high | 11 | 12 |\n|  | 21 | 22 |\n\nend",
    ),
    "doc: a table in a table": (
        lambda: with_end(word_table_in_a_table),
        "| outer | a, b; c, d |\n| --- | --- |\n\nend",
    ),
    "doc: picture": (lambda: word(word_picture), "before\n\n![](page_1_image_1.png)"),
    "doc: footnote": (footnote, "A claim\\[1\\]\n\n\\[1\\] The proof."),
    "doc: right to left": (lambda: word(word_right_to_left), "# דוח שנתי\n\nمرحبا بالعالم"),
    "doc: link": (lambda: word(word_link), "see [this page](https://example.org/a)"),
    "doc: empty": (lambda: word(lambda document: document.add_paragraph("")), ""),
    "ppt: merged cells": (
        lambda: slides(slide_merged_cells),
        "| 00 01 |  | 02 |\n| --- | --- | --- |\n| 10 | 11 | 12 22 |\n| 20 | 21 |  |",
    ),
    "ppt: picture": (lambda: slides(slide_picture), "# Map\n\n![](page_1_image_1.png)"),
    "ppt: notes": (lambda: slides(slide_notes), "# Talk\n\n### Notes\n\nBreathe."),
    "ppt: right to left": (lambda: slides(slide_right_to_left), "# שקופית"),
    "ppt: group": (lambda: slides(slide_group), "inside"),
    "ppt: link": (lambda: slides(slide_link), "[site](https://example.org/)"),
    "ppt: empty": (lambda: slides(lambda presentation: slide(presentation, BLANK)), ""),
}
"""By the format and the shape: how the newer file is made, and the Markdown of the old one."""


@pytest.mark.parametrize("shape", NEWER)
async def test_shapes_of_old_office_files_become_markdown(
    documents: DocumentHarness, shape: str
) -> None:
    make, expected = NEWER[shape]
    kind, _, _ = shape.partition(":")
    recorder = await documents.read(
        await converted(make(), kind), output="markdown", pictures={"min_points": 20}
    )
    [document] = documents_of(recorder)
    assert (document["format"], document["extracted_text"]) == (kind, expected)


def two_pages(document: Any) -> None:
    document.add_paragraph("one")
    document.add_page_break()
    document.add_paragraph("two")


def two_slides(presentation: Any) -> None:
    slide(presentation, TITLE_ONLY, "One")
    slide(presentation, TITLE_ONLY, "Two")


async def encrypted_presentation() -> bytes:
    return marked_as_encrypted(await converted(slides(two_slides), "ppt"))


async def encrypted_word() -> bytes:
    return marked_as_encrypted(await converted(word(two_pages), "doc"))


async def cut_word() -> bytes:
    return (await converted(word(two_pages), "doc"))[:4000]


async def cut_presentation() -> bytes:
    return (await converted(slides(two_slides), "ppt"))[:4000]


Make = Callable[[], Awaitable[bytes]]
PAGES, BYTES = {"pdf": PdfSection(max_pages=1)}, {"limits": DocumentsSection(max_unpacked_mb=0.01)}
CELLS = {"limits": DocumentsSection(max_cells=4)}
BROKEN: dict[str, tuple[Make, dict[str, Any], str]] = {
    "doc: encrypted": (encrypted_word, {}, "DOCUMENT_ENCRYPTED"),
    "doc: cut off": (cut_word, {}, "DOCUMENT_INVALID"),
    "doc: pages": (lambda: converted(word(two_pages), "doc"), PAGES, "DOCUMENT_TOO_LARGE"),
    "doc: cells": (
        lambda: converted(with_end(word_merged_cells), "doc"),
        CELLS,
        "DOCUMENT_TOO_LARGE",
    ),
    "doc: bytes": (lambda: converted(word(word_picture), "doc"), BYTES, "DOCUMENT_TOO_LARGE"),
    "ppt: encrypted": (encrypted_presentation, {}, "DOCUMENT_ENCRYPTED"),
    "ppt: cut off": (cut_presentation, {}, "DOCUMENT_INVALID"),
    "ppt: pages": (lambda: converted(slides(two_slides), "ppt"), PAGES, "DOCUMENT_TOO_LARGE"),
    "ppt: bytes": (lambda: converted(slides(slide_picture), "ppt"), BYTES, "DOCUMENT_TOO_LARGE"),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_broken_old_office_files_are_refused_with_the_reason(
    documents: DocumentHarness, fault: str
) -> None:
    make, options, code = BROKEN[fault]
    with pytest.raises(PermanentError) as raised:
        await documents.read(await make(), **options)
    assert raised.value.code == code


async def test_the_encrypted_sample_is_encrypted_for_another_reader_too() -> None:
    assert msoffcrypto.OfficeFile(io.BytesIO(await encrypted_word())).is_encrypted()
