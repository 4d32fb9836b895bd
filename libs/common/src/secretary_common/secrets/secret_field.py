"""Secret parameters: sealed before they are stored, never shown again.

A parameter is secret if its job type's JSON Schema marks it ``writeOnly``. Sealed text has its
own form, so it stays hidden even if the schema changes later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from secretary_common.errors import InvalidRequest
from secretary_common.models import JsonObject

REDACTED = "[redacted]"

# Fernet's format: version 0x80, a 64-bit time that starts with zeros, 16 + 16n bytes, a 32-byte
# HMAC; in URL-safe base64 at least 100 characters, the first of which are always these.
_SEALED = re.compile(r"gAAAAA[\w-]{90,}={0,2}", re.ASCII)
_COMBINED = ("allOf", "anyOf", "oneOf")


def secret_names(schema: JsonObject) -> frozenset[str] | None:
    """Return the names of the parameters that *schema* may mark; None: it may mark any."""
    rest = {keyword: part for keyword, part in schema.items() if keyword != "properties"}
    properties = schema.get("properties", {})
    # Definitions are in the rest, and any property may refer to them.
    if _marks_secrets(rest) or not isinstance(properties, dict):
        return None
    return frozenset(name for name, part in properties.items() if _marks_secrets(part))


def _marks_secrets(part: Any) -> bool:
    if isinstance(part, dict):
        return part.get("writeOnly") is True or any(map(_marks_secrets, part.values()))
    return isinstance(part, list) and any(map(_marks_secrets, part))


def sealed(
    value: Any, schema: JsonObject, seal: Callable[[str], str], path: str = "parameters"
) -> Any:
    """Return *value* with *seal* applied to each secret that *schema* marks.

    Raises:
        InvalidRequest: a secret is not text.
    """
    return _sealed(value, [schema], schema, seal, path)


def opened(value: Any, schema: JsonObject, unseal: Callable[[str], str]) -> Any:
    """Return *value* with *unseal* applied to each sealed secret that *schema* marks."""

    def unsealed(text: str) -> str:
        return unseal(text) if _SEALED.fullmatch(text) else text

    return _sealed(value, [schema], schema, unsealed, "parameters")


def redacted(value: Any) -> Any:
    """Return *value* with all sealed text replaced by ``[redacted]``."""
    if isinstance(value, str):
        return REDACTED if _SEALED.fullmatch(value) else value
    if isinstance(value, dict):
        return {name: redacted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value


def applicable_schemas(schemas: list[Any], root: JsonObject) -> Iterator[JsonObject]:
    """Yield *schemas* and all schemas that apply to the same value.

    The function follows references and the parts of ``allOf``, ``anyOf`` and ``oneOf``.
    """
    waiting, seen = list(schemas), set[int]()
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, dict) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        if isinstance(reference := schema.get("$ref"), str):
            waiting.append(_resolved(reference, root))
        for keyword in _COMBINED:
            waiting.extend(schema.get(keyword, ()))


def _sealed(
    value: Any, schemas: list[Any], root: JsonObject, seal: Callable[[str], str], path: str
) -> Any:
    here = list(applicable_schemas(schemas, root))
    if not here:  # no schema describes the value or its parts
        return value
    if value is not None and any(schema.get("writeOnly") is True for schema in here):
        if not isinstance(value, str):
            raise _no_text(path)
        return seal(value)
    if isinstance(value, dict):
        return {
            name: _sealed(item, _of_property(here, name), root, seal, f"{path}.{name}")
            for name, item in value.items()
        }
    if isinstance(value, list):
        items = [schema.get("items") for schema in here]
        return [
            _sealed(item, items, root, seal, f"{path}[{index}]") for index, item in enumerate(value)
        ]
    return value


def _no_text(path: str) -> InvalidRequest:
    message = "a secret must be text"
    details = {"fields": [{"field": path, "message": message}]}
    return InvalidRequest(f"{path}: {message}", details=details)


def _of_property(schemas: list[JsonObject], name: str) -> list[Any]:
    """Return the schemas of the property *name*, else those of additional properties."""
    return [
        schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        for schema in schemas
    ]


def _resolved(reference: str, root: JsonObject) -> Any:
    """Return the part of *root* that a local reference (``#/$defs/Name``) names, or None."""
    part: Any = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        if name:
            part = part.get(name.replace("~1", "/").replace("~0", "~"))
        if not isinstance(part, dict):
            return None
    return part
