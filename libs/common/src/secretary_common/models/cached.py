"""Values of the cache, as bytes: JSON, whatever keys, numbers and text it has."""

from __future__ import annotations

import json
from collections.abc import Mapping

from secretary_common.errors import NotStorable
from secretary_common.models.value import JsonObject

INLINE_BYTES = 64 * 1024
"""Larger values lie in files."""
ENTRY_BYTES = 512
"""What an entry takes up beside its value: key, index entries, the document around it."""
OWNER = "secretary"
"""Whose the cache's files are: nobody's key has this id."""


def encoded(entries: Mapping[str, JsonObject]) -> dict[str, bytes]:
    """The values of *entries* as they are stored.

    Raises:
        NotStorable: one is no JSON.
    """
    return {key: _encoded(value) for key, value in entries.items()}


def parsed(contents: Mapping[str, bytes]) -> dict[str, JsonObject]:
    """The values that ``encoded`` made *contents* of."""
    return {key: json.loads(raw.decode("utf-8", "surrogatepass")) for key, raw in contents.items()}


def _encoded(value: JsonObject) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise NotStorable("a value of the cache is JSON") from error
    return text.encode("utf-8", "surrogatepass")
