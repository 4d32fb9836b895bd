"""Adds to the result of a job what its parameters request besides the text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from itertools import islice

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.pdf.chunks import MOST_CHUNKS, Block, chunks_of
from secretary_documents.handlers.pdf.output_files import (
    Contents,
    add_documents,
    add_pictures,
    add_tables,
    without_pictures_after,
)
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.handlers.pdf.result import PdfExtract
from secretary_documents.pdf.layout.model import Kind
from secretary_documents.pdf.page import Page, WholeDocument
from secretary_worker import parsing_answer

MOST_NOTES = 20_000
"""The most form fields of a job, and the most annotations."""


async def add_parts(
    extract: PdfExtract, document: WholeDocument, parameters: PdfParameters, report: JobReport
) -> None:
    """Store the files of the job, and add the other parts to *extract*.

    Raises:
        PermanentError: a part cannot be made, is too large, or an error of the sandbox.
    """
    if parameters.pictures is not None:
        most = parameters.pictures.max_count
        extract.more["pictures"] = await add_pictures(extract.pages, most, document, report)
        extract.pages = without_pictures_after(extract.pages, most)
    contents = Contents(extract.pages, extract.document.title or extract.file.name)
    if documents := await add_documents(parameters, contents, document, report):
        extract.more["outputs"] = documents
    if parameters.tables is not None:
        most = parameters.tables.max_count
        with parsing_answer():
            tables = await asyncio.to_thread(_tables, extract.pages)
        extract.more["tables"] = await add_tables(tables, most, report)
    if extract.document.form or parameters.annotations:
        numbers = [page.number for page in extract.pages]
        found = await document.notes(numbers, annotations=parameters.annotations)
        extract.more |= _notes(found, parameters, report)
    if parameters.chunks is not None:
        most = parameters.chunks.max_tokens
        extract.more["chunks"] = await asyncio.to_thread(_chunks, extract.pages, most)


def _notes(found: Sequence[JsonObject], parameters: PdfParameters, report: JobReport) -> JsonObject:
    notes: JsonObject = {}
    for name in ("form_fields", "annotations") if parameters.annotations else ("form_fields",):
        entries = [entry for page in found for entry in page[name]]
        if len(entries) > MOST_NOTES:
            report.log("warning", f"{MOST_NOTES} of {len(entries)} {name} are in the result")
        notes[name] = entries[:MOST_NOTES]
    return notes


def _chunks(pages: Sequence[Page], max_tokens: int) -> list[JsonObject]:
    """Return the chunks of *pages*.

    Raises:
        PermanentError: VALIDATION_ERROR, there are too many.
    """
    chunks = list(islice(chunks_of(_blocks(pages), max_tokens), MOST_CHUNKS + 1))
    if len(chunks) > MOST_CHUNKS:
        message = f"chunks: more than {MOST_CHUNKS} chunks, give a larger max_tokens"
        raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
    return chunks


def _tables(pages: Sequence[Page]) -> list[Block]:
    return [block for block in _blocks(pages) if block["kind"] == Kind.TABLE]


def _blocks(pages: Sequence[Page]) -> Iterator[Block]:
    for page in pages:
        # A page that cannot be read has no text at all.
        if written := page.as_output("json"):
            yield from json.loads(written)["blocks"]
