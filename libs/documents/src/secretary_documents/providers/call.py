"""A request to a provider and what came of it: values only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from secretary_common.models import JsonObject


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a form."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request: *payload* as JSON, or *form* with its *attachment*, or neither."""

    method: str
    path: str
    """Below the provider's ``base_url``."""
    payload: JsonObject | None = None
    form: Mapping[str, str | Sequence[str]] | None = None
    attachment: Attachment | None = None
    query: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call."""

    data: JsonObject
    tries: int
    """More than 1: the provider may have carried it out more than once."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body, encoded once for all tries: bytes, or the files of a form."""

    content: bytes | None
    files: dict[str, tuple[str, bytes, str]] | None

    @classmethod
    def of(cls, call: Call) -> Body:
        """The body of *call*."""
        content = None
        if call.payload is not None:
            # A lone surrogate, which is no text in any encoding, becomes a question mark.
            text = json.dumps(call.payload, ensure_ascii=False, allow_nan=False)
            content = text.encode("utf-8", "replace")
        if call.attachment is None:
            return cls(content, None)
        sent = call.attachment
        return cls(content, {"file": (sent.name, sent.content, sent.content_type)})
