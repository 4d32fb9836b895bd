"""Reads files of any format in this process, by the code that runs in the child."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from typing import Any

import pytest

from secretary_common.errors import PermanentError
from secretary_documents.formats.child import FileWork
from secretary_documents.formats.limits import FileLimits

LIMITS = FileLimits(
    max_unpacked_bytes=8 * 2**20,
    max_members=200,
    max_cells=100_000,
    max_pages=200,
    max_pixels=4_000_000,
    max_text_chars=2_000_000,
)


@dataclass
class FileRead:
    """What was read of a file."""

    format: str
    title: str | None
    author: str | None
    members: dict[str, bytes]
    pages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def markdown(self) -> str:
        """All pages, with a line between them."""
        return "\n-----\n".join(page["text"] for page in self.pages)


def read_file(content: bytes, **options: Any) -> FileRead:
    """Return what is read of *content*.

    *options*: ``output``, ``keep_headers``, ``min_points`` and fields of ``FileLimits``.
    """
    output, keep = options.pop("output", "markdown"), options.pop("keep_headers", False)
    least = options.pop("min_points", None)
    limits = {**LIMITS.as_json(), **options}
    descriptor = os.memfd_create("file")
    try:
        os.write(descriptor, content)
        work = FileWork(f"/proc/self/fd/{descriptor}")
        found = _ask(work, {"op": "detect"})[0]["format"]
        request = {"op": "open", "format": found, "limits": limits, "min_points": least}
        info = _ask(work, request)[0]["document"]
        numbers = list(range(1, info["page_count"] + 1))
        read = {"op": "read", "pages": numbers, "output": output, "also": [], "keep_headers": keep}
        pages = [message["page"] for message in _ask(work, read)]
        members = {
            name: _joined(_ask(work, {"op": "member", "index": index}))
            for index, (name, _) in enumerate(info["members"])
        }
        return FileRead(found, info["title"], info["author"], members, pages)
    finally:
        os.close(descriptor)


def code_of(content: bytes, **options: Any) -> str:
    """Return the code of the error with which *content* is refused."""
    with pytest.raises(PermanentError) as raised:
        read_file(content, **options)
    return raised.value.code


def _ask(work: FileWork, request: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    work(request, messages.append)
    return messages


def _joined(messages: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(message["piece"]) for message in messages)
