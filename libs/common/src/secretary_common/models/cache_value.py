"""Values of the cache as bytes: JSON with any keys, numbers and text."""

from __future__ import annotations

import json
from collections.abc import Mapping

from secretary_common.errors import NotStorable
from secretary_common.models.value import JsonObject

INLINE_BYTES = 64 * 1024
"""Larger values are stored in files."""
ENTRY_BYTES = 512
"""The assumed size of an entry without its value: key, index entries, the document around them."""
OWNER = "secretary"
"""The owner of the cache's files. No API key has this id."""


def encoded(entries: Mapping[str, JsonObject]) -> dict[str, bytes]:
    """Return the values of *entries* as the store keeps them.

    Raises:
        NotStorable: a value is not JSON.
    """
    return {key: _encoded(value) for key, value in entries.items()}


def parsed(contents: Mapping[str, bytes]) -> dict[str, JsonObject]:
    """Return the values from which ``encoded`` made *contents*; other contents are left out."""
    values = {}
    for key, raw in contents.items():
        try:
            value = json.loads(raw.decode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            values[key] = value
    return values


def _encoded(value: JsonObject) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise NotStorable("a value of the cache must be JSON") from error
    return text.encode("utf-8", "surrogatepass")
