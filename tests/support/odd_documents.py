"""Documents that this version did not write: each field missing, of each other type, or unknown."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import Binary, Int64, ObjectId
from bson.datetime_ms import DatetimeMS

Document = dict[str, Any]

MISSING = object()
OF_EACH_TYPE: Mapping[str, Any] = {
    "missing": MISSING,
    "null": None,
    "string": "odd",
    "number as text": "1",
    "int": 7,
    "negative": -1,
    "large": Int64(2**62),
    "double": 2.5,
    "NaN": math.nan,
    "bool": True,
    "array": [1],
    "array of texts": ["odd"],
    "object": {"a": 1},
    "date": datetime(2026, 1, 1, tzinfo=UTC),
    "far date": DatetimeMS(10**15),
    "early date": DatetimeMS(-(10**15)),
    "binary": Binary(b"\xff\x00"),
    "objectId": ObjectId(b"odd document"),
}


@dataclass(frozen=True)
class Odd:
    """One odd document."""

    field: str
    """The path of the changed field."""
    kind: str
    """A key of ``OF_EACH_TYPE``, or ``unknown field``."""
    document: Document

    @property
    def id(self) -> Any:
        """The ``_id`` of the document."""
        return self.document.get("_id")


def odd_documents(sample: Document, name: str) -> Iterator[Odd]:
    """Yield *sample* with each of its fields changed in each way; ids begin with *name*."""
    number = 0
    for path in _paths(sample):
        for kind, value in OF_EACH_TYPE.items():
            odd = _changed(sample, path, value)
            number += 1
            if path != ("_id",):
                odd["_id"] = f"{name}-{number:04}"
            elif kind.startswith("array") or value is MISSING:
                continue  # MongoDB refuses these
            yield Odd(".".join(map(str, path)), kind, _with_own_key(odd))
    for path in [(), *_paths(sample)]:
        inner = _at(sample, path)
        if isinstance(inner, dict):
            number += 1
            odd = _changed(sample, (*path, "of_the_next_version"), {"n": [1]})
            odd["_id"] = f"{name}-{number:04}"
            yield Odd(".".join(map(str, path)), "unknown field", _with_own_key(odd))


def _paths(document: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each field, but not inside values that the client or a handler chose."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in items:
        path = (*before, name)
        yield path
        if isinstance(value, dict | list) and name not in ("parameters", "results", "usage"):
            yield from _paths(value, path)


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        document = document[name]
    return document


def _changed(sample: Document, path: tuple[Any, ...], value: Any) -> Document:
    changed = copy.deepcopy(sample)
    inner = _at(changed, path[:-1])
    if value is not MISSING:
        inner[path[-1]] = copy.copy(value)
    elif isinstance(inner, dict):
        del inner[path[-1]]
    else:
        inner.clear()
    return changed


def _with_own_key(document: Document) -> Document:
    """Give the document a key of its own, if its idempotency key can be read."""
    mark = document.get("idempotency")
    if isinstance(mark, dict) and mark.get("key") == "sample":
        mark["key"] = str(document["_id"])
    return document
