"""Finds the format of a file by its content. Names and declared types do not matter."""

from __future__ import annotations

import os

from secretary_common.models.file import HEAD_BYTES, looks_like_text
from secretary_documents.formats.format import FORMATS, Format
from secretary_documents.formats.signatures import binary_format, unsupported
from secretary_documents.formats.text_kinds import text_format
from secretary_documents.web.charset import decode


def detect(fd: int) -> Format:
    """Return the format of the file that is open as *fd*.

    Raises:
        PermanentError: UNSUPPORTED_MEDIA with what the file is; DOCUMENT_INVALID or
            DOCUMENT_ENCRYPTED, if the content is needed to find the format.
    """
    head = os.pread(fd, HEAD_BYTES, 0)
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise unsupported("empty" if not head else "blank")
    name = binary_format(head, fd)
    if name is None:
        if not looks_like_text(head):
            raise unsupported("a binary file of an unknown format")
        name = text_format(decode(head, ""))
    return FORMATS[name]
