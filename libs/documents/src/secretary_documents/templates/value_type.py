"""The types of fields: their JSON Schema, and the check of a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from secretary_common.models import JsonObject


class Kind(StrEnum):
    """The kinds of values. A template names a kind after the colon: ``{{tags:list|…}}``."""

    TEXT = "text"
    LIST = "list"
    INT = "int"
    NUMBER = "number"
    BOOL = "bool"


_SPELLINGS = {
    **{kind.value: kind for kind in Kind},
    "str": Kind.TEXT,
    "string": Kind.TEXT,
    "integer": Kind.INT,
    "float": Kind.NUMBER,
    "boolean": Kind.BOOL,
}
_JSON_TYPES = {
    Kind.TEXT: "string",
    Kind.INT: "integer",
    Kind.NUMBER: "number",
    Kind.BOOL: "boolean",
}
_PYTHON_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.INT: (int,),
    Kind.NUMBER: (int, float),
    Kind.BOOL: (bool,),
}
_ROWS = re.compile(r"list\s*<([^<>]*)>")
_COLUMN = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})\s*(?::\s*(\w+))?")


@dataclass(frozen=True, slots=True)
class ValueType:
    """A kind. A list of rows (``list<page:int, title>``) also has the kinds of its columns."""

    kind: Kind = Kind.TEXT
    columns: tuple[tuple[str, Kind], ...] = ()

    def __str__(self) -> str:
        if not self.columns:
            return str(self.kind)
        return f"list<{', '.join(f'{name}:{kind}' for name, kind in self.columns)}>"

    def schema(self) -> JsonObject:
        """Return the JSON Schema of a value. The schema is strict; null means an unknown value."""
        if self.kind is not Kind.LIST:
            return {"type": [_JSON_TYPES[self.kind], "null"]}
        if not self.columns:
            return {"type": "array", "items": {"type": "string"}}
        return {"type": "array", "items": object_schema(dict(self._columns_by_schema()))}

    def _columns_by_schema(self) -> list[tuple[str, JsonObject]]:
        return [(name, ValueType(kind).schema()) for name, kind in self.columns]

    def fits(self, value: Any) -> bool:
        """Return whether *value* fits the schema of this type."""
        if self.kind is not Kind.LIST:
            return value is None or _is(value, self.kind)
        if not isinstance(value, list):
            return False
        if not self.columns:
            return all(_is(item, Kind.TEXT) for item in value)
        return all(self._fits_row(row) for row in value)

    def _fits_row(self, row: Any) -> bool:
        if not isinstance(row, dict) or set(row) != {name for name, _ in self.columns}:
            return False
        return all(ValueType(kind).fits(row[name]) for name, kind in self.columns)


def object_schema(properties: dict[str, JsonObject]) -> JsonObject:
    """Return the schema of an object that has exactly *properties*."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def parse_type(written: str) -> ValueType:
    """Return the type with the name *written*, the text after the colon.

    Raises:
        ValueError: the type is unknown; the message is for the template's author.
    """
    written = written.strip()
    if rows := _ROWS.fullmatch(written):
        return ValueType(Kind.LIST, _parse_columns(rows[1]))
    if written not in _SPELLINGS:
        known = ", ".join(Kind)
        raise ValueError(
            f"{written[:40]!r} is not a type; the types are {known} and list<column, …>"
        )
    return ValueType(_SPELLINGS[written])


def _parse_columns(written: str) -> tuple[tuple[str, Kind], ...]:
    columns: dict[str, Kind] = {}
    for column in written.split(","):
        match = _COLUMN.fullmatch(column.strip())
        kind = _SPELLINGS.get(match[2] or "text") if match else None
        if match is None or kind is None or kind is Kind.LIST or match[1] in columns:
            raise ValueError(
                f"{column.strip()[:40]!r} is not a column; write list<page:int, title>"
            )
        columns[match[1]] = kind
    return tuple(columns.items())


def _is(value: Any, kind: Kind) -> bool:
    if isinstance(value, bool) and kind is not Kind.BOOL:  # in Python a bool is an int
        return False
    return isinstance(value, _PYTHON_TYPES[kind])
