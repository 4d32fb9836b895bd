"""Runs in the child process: reads one web page.

The page is the first file of the child. ``{url, content_type}`` → ``{page}``, a ``WebPage`` as
JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.web.charset import decode
from secretary_documents.web.html import read_html
from secretary_documents.web.page import WebPage
from secretary_worker import Emit, Work

_HTML = ("text/html", "application/xhtml+xml")
_TEXT = ("text/plain", "text/markdown", "text/csv", "application/json", "text/vtt")


def begin(files: Sequence[str]) -> Work:
    """Return the function that answers requests about the page in the first of *files*."""
    path = Path(files[0])

    def read_page(request: dict[str, Any], emit: Emit) -> None:
        page = page_of(path.read_bytes(), request["url"], request["content_type"])
        emit({"page": page.as_json()})

    return read_page


def page_of(content: bytes, url: str, content_type: str) -> WebPage:
    """Return the web page with the bytes *content*, which *url* returned with *content_type*.

    Raises:
        PermanentError: PAGE_INVALID, *content* is neither a page nor text.
    """
    kind = content_type.partition(";")[0].strip().lower() or _sniffed(content)
    if kind in _HTML:
        return read_html(decode(content, content_type), url)
    if kind in _TEXT:
        return WebPage(url, None, decode(content, content_type))
    message = f"the URL leads to {kind[:100]}, which is not a page"
    if kind == "application/pdf":
        message += "; a pdf job reads it"
    raise PermanentError(message, code=ErrorCode.PAGE_INVALID)


def _sniffed(content: bytes) -> str:
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"%PDF"):
        return "application/pdf"
    if b"\0" in start and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "application/octet-stream"
    return "text/html" if start.startswith(b"<") else "text/plain"
