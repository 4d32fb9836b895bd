"""Old office files with the real LibreOffice, which also makes the samples."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from support.document_harness import DocumentHarness, documents_of
from support.format_samples import SAMPLES, WORD, mail

from secretary_common.settings.documents import DocumentsSection
from secretary_documents.formats.format import Format
from secretary_documents.office import kit
from secretary_documents.office.libre_office import LibreOffice
from secretary_worker import OpenFile

PROGRAM = Path(DocumentsSection().libre_office)
NEWER = {"doc": "docx", "ppt": "pptx"}

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(
        not any((PROGRAM / name).exists() for name in kit.LIBRARIES),
        reason="LibreOffice is not installed",
    ),
]


async def old(folder: Path, kind: str) -> bytes:
    """Return a file of *kind*, which LibreOffice makes of a newer one."""
    path = folder / "newer"
    path.write_bytes(SAMPLES[NEWER[kind]]())
    office = LibreOffice(PROGRAM, 2**31, 60, 120.0, 2**26)
    with path.open("rb") as file:
        newer = OpenFile(file.fileno(), "newer", path.stat().st_size)
        async with office.converted(newer, Format("x", "a/x", "a file", becomes=kind)) as made:
            return os.pread(made.fd, made.size, 0)


@pytest.mark.parametrize("kind", NEWER)
async def test_an_old_office_file_is_read(
    documents: DocumentHarness, tmp_path: Path, kind: str
) -> None:
    content = await old(tmp_path, kind)
    recorder = await documents.read(content, output=["markdown", "json"])
    [document] = documents_of(recorder)
    assert (document["format"], document["size"]) == (kind, len(content))
    assert WORD in document["extracted_text"]
    inside = await documents.read(mail((f"a.{kind}", content)))
    assert [one["format"] for one in documents_of(inside)] == ["eml", kind]


@pytest.mark.parametrize("kind", NEWER)
async def test_a_damaged_old_office_file_ends_with_a_code(
    documents: DocumentHarness, tmp_path: Path, kind: str
) -> None:
    content = io.BytesIO(await old(tmp_path, kind))
    content.seek(600)
    content.write(bytes(range(256)) * 12)
    # In a mail the fault of an attachment is a part of the result.
    recorder = await documents.read(mail(("a.old", content.getvalue())))
    _, attachment = documents_of(recorder)
    code = attachment.get("error", {}).get("code")
    assert code in (None, "DOCUMENT_INVALID", "PARSER_CRASHED", "UNSUPPORTED_MEDIA")
