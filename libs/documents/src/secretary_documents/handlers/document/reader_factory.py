"""Builds the reader of all formats from the settings."""

from __future__ import annotations

from pathlib import Path

from secretary_common.settings.documents import DocumentsSection, PdfSection
from secretary_documents.formats.limits import FileLimits
from secretary_documents.formats.sandboxed_file import FileSandbox
from secretary_documents.handlers.document.document_reader import DocumentReader
from secretary_documents.handlers.pdf.extractor import PdfExtractor
from secretary_documents.office.libre_office import LibreOffice
from secretary_worker import (
    LINE_BYTES,
    OUTPUT_BYTES,
    AnswerLimits,
    ProcessLimits,
    Sandbox,
    ZygoteClient,
)

FILE_CHILD = "secretary_documents.formats.child"
"""The module that the child processes run."""


def make_document_reader(
    extractor: PdfExtractor,
    zygote: ZygoteClient,
    *,
    documents: DocumentsSection,
    pdf: PdfSection,
) -> DocumentReader:
    """Return the reader of all formats.

    Args:
        extractor: reads PDFs.
        zygote: forks children that run ``FILE_CHILD``.
        documents: the limits of files.
        pdf: the limits of pages and of text.
    """
    text, unpacked = int(pdf.max_text_mb * 2**20), int(documents.max_unpacked_mb * 2**20)
    limits = FileLimits(
        max_unpacked_bytes=unpacked,
        max_members=documents.max_members,
        max_cells=documents.max_cells,
        max_pages=pdf.max_pages,
        max_pixels=int(documents.max_picture_mpixels * 1_000_000),
        max_text_chars=text,
    )
    sandbox = Sandbox(
        zygote,
        ProcessLimits(memory_bytes=documents.memory_mb * 2**20, cpu_sec=documents.cpu_sec),
        AnswerLimits(
            timeout_sec=documents.timeout_sec,
            line_bytes=max(4 * text, LINE_BYTES),
            # Pieces are in base64, and a job may want several forms of the text.
            output_bytes=max(2 * unpacked, 8 * text, OUTPUT_BYTES),
        ),
    )
    office = LibreOffice(
        Path(documents.libre_office),
        memory_bytes=documents.memory_mb * 2**20,
        cpu_sec=documents.cpu_sec,
        timeout_sec=documents.timeout_sec,
        max_bytes=unpacked,
    )
    files = FileSandbox(sandbox, limits)
    return DocumentReader(extractor, files, documents, office=office, max_text_bytes=text)
