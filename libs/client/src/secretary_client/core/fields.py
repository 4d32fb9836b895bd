"""Fields of requests as the API takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote


def on_wire(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* with the datetimes as ISO 8601.

    Raises:
        ValueError: a datetime has no time zone; the message has the field's name.
    """
    return {name: _iso(name, value) for name, value in fields.items()}


def given(**fields: Any) -> dict[str, Any]:
    """Return those *fields* that are not None, with the datetimes as ISO 8601.

    Raises:
        ValueError: a datetime has no time zone; the message has the field's name.
    """
    return on_wire({name: value for name, value in fields.items() if value is not None})


def _iso(name: str, value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError(
            f"{name} {value} has no time zone: use e.g. datetime.now(UTC) + timedelta(hours=1)"
        )
    return value.isoformat()


def path(root: str, identity: str, *more: str) -> str:
    """Return the path of the thing with the id *identity* under *root*.

    Raises:
        ValueError: the id or a further part is empty, or is ``.`` or ``..``, which would lead to
            another path.
    """
    parts = (identity, *more)
    if "" in parts:
        raise ValueError(f"the id is empty: {root}/…")
    if not {".", ".."}.isdisjoint(parts):
        raise ValueError(f". and .. are no ids: {root}/{'/'.join(parts)}")
    return "/".join((root, *(quote(part, safe="") for part in parts)))
