"""Makes files with LibreOffice: old office files, and OpenDocument files and rich text."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from support.format_samples import SAMPLES

from secretary_common.settings.documents import DocumentsSection
from secretary_documents.formats.format import Format
from secretary_documents.office.libre_office import LibreOffice
from secretary_worker import OpenFile

NEWER = {"doc": "docx", "ppt": "pptx"}
"""The format of which LibreOffice makes a sample, by the name of an old one."""


async def converted(content: bytes, kind: str) -> bytes:
    """Return the office file *content* in the format *kind*, as LibreOffice writes it."""
    program = Path(DocumentsSection().libre_office)
    office = LibreOffice(program, 2**31, 60, 120.0, 2**26)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        newer = OpenFile(file.fileno(), "newer", len(content))
        async with office.converted(newer, Format("x", "a/x", "a file", becomes=kind)) as made:
            return os.pread(made.fd, made.size, 0)


def old_sample(kind: str) -> bytes:
    """Return a sample of an old format, ``doc`` or ``ppt``."""
    return asyncio.run(converted(SAMPLES[NEWER[kind]](), kind))


def marked_as_encrypted(content: bytes) -> bytes:
    """Return a doc or ppt whose header says that it is encrypted; its text is as before."""
    token = b"\x14\0\0\0\x5f\xc0\x91\xe3"  # of PowerPoint's CurrentUserAtom
    if token in content:
        return content.replace(token, b"\x14\0\0\0\xdf\xc4\xd1\xf3")
    changed = bytearray(content)
    fib = next(at for at in range(0, len(content), 64) if content[at : at + 2] == b"\xec\xa5")
    changed[fib + 11] |= 1
    return bytes(changed)
