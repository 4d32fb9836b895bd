"""The result of a ``pdf`` job, in the shape its users read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secretary_common.models import JsonObject


def join_pages(pages: Sequence[JsonObject]) -> str:
    """The text of all pages, each under its own ``--- Page N ---``."""
    return "\n\n".join(f"--- Page {page['page']} ---\n{page['text']}" for page in pages)


def build_result(
    document: JsonObject,
    pages: Sequence[JsonObject],
    *,
    file_name: str,
    file_size: int,
    usage: JsonObject,
) -> JsonObject:
    """The result: text, metadata and usage, and all of it again as ``structured_data``."""
    metadata: dict[str, Any] = {
        "page_count": document["page_count"],
        "title": document["title"],
        "author": document["author"],
        "file_name": file_name,
        "file_size": file_size,
        "sha256": document["sha256"],
        "pages_processed": len(pages),
        "text_contents": list(pages),
    }
    result = {"extracted_text": join_pages(pages), "metadata": metadata, "usage": usage}
    return {**result, "structured_data": result}
