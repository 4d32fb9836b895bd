"""Fields that a job describes by a JSON Schema of its own.

The schema comes from a client, so its size is limited, it refers only to itself, and its patterns
run on an engine whose time is linear.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators
from jsonschema.protocols import Validator
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject

MOST_BYTES = 64 * 1024
MOST_PARTS = 3000
"""The most schemas inside a schema, with each reference replaced by what it refers to."""
DEEPEST = 24
MOST_PROBLEMS = 20
REPAIRS = 1

_LOCAL = "#/$defs/"
_ONE = (
    *("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "dependentSchemas")
_REFUSED = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "patternProperties")
_ANNOTATIONS = ("$schema", "$defs", "$comment", "definitions", "format", "default", "examples")
"""Keywords that are left out, because no answer depends on them."""


class JsonFields:
    """The fields of one JSON Schema (``Wanted``)."""

    repairs = REPAIRS

    def __init__(self, schema: JsonObject) -> None:
        """Check *schema*, a JSON Schema of an object.

        Raises:
            PermanentError: FIELDS_INVALID.
        """
        try:
            if len(json.dumps(schema)) > MOST_BYTES:
                raise _invalid(f"it has more than {MOST_BYTES} bytes")
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            place = ".".join(map(str, error.absolute_path)) or "the schema"
            raise _invalid(f"{place[:200]}: {error.message[:200]}") from None
        except RecursionError:
            raise _invalid("it is nested too deeply") from None
        self._schema = _Inliner(schema).inlined(schema)
        self._validator = _FieldsValidator(self._schema)

    def schema(self, *, partial: bool) -> JsonObject:
        """See ``Wanted``."""
        strict: JsonObject = strict_schema(self._schema, partial=partial)
        return strict

    def problems(self, answer: JsonObject, *, partial: bool) -> list[str]:
        """See ``Wanted``."""
        if partial:  # the client of the model has checked the answer against the schema of a part
            return []
        found: list[str] = []
        for error in self._validator.iter_errors(self.finished(answer)):
            if len(found) == MOST_PROBLEMS:
                break
            place = ".".join(map(str, error.absolute_path)) or "the object"
            found.append(f"{place[:200]}: {error.validator} {_limit_of(error)}".strip())
        return found

    def finished(self, answer: JsonObject) -> JsonObject:
        """See ``Wanted``. A null for a property that may be absent is left out."""
        cleaned: JsonObject = without_nulls(answer, self._schema)
        return cleaned


def _invalid(reason: str) -> PermanentError:
    return PermanentError(f"fields is not a usable JSON Schema: {reason}", code=_CODE)


_CODE = ErrorCode.FIELDS_INVALID


def _limit_of(error: ValidationError) -> str:
    """Return the limit that a value breaks. It comes from the schema, never from the value."""
    return json.dumps(error.validator_value, default=str)[:100]


class _Inliner:
    """Replaces the references of a schema, and leaves out what no answer depends on."""

    def __init__(self, root: JsonObject) -> None:
        self._definitions = root.get("$defs", {})
        self._parts = 0

    def inlined(self, schema: Any, depth: int = 0) -> Any:
        """Return *schema* without references.

        Raises:
            PermanentError: FIELDS_INVALID.
        """
        self._parts += 1
        if depth > DEEPEST or self._parts > MOST_PARTS:
            raise _invalid("it is too large, nested too deeply, or refers to itself")
        if not isinstance(schema, dict):
            return schema
        if refused := next((key for key in _REFUSED if key in schema), None):
            raise _invalid(f"{refused} is not supported")
        if "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return self.inlined({**self._target(schema["$ref"]), **rest}, depth + 1)
        kept = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
        return {key: self._value(key, value, depth + 1) for key, value in kept.items()}

    def _value(self, key: str, value: Any, depth: int) -> Any:
        if key == "pattern" and matcher(value) is None:
            raise _invalid(f"the pattern {value[:100]!r} is not supported")
        if key in _ONE:
            return self.inlined(value, depth)
        if key in _LISTS:
            return [self.inlined(one, depth) for one in value]
        if key in _NAMED:
            return {name: self.inlined(one, depth) for name, one in value.items()}
        return value

    def _target(self, reference: str) -> JsonObject:
        found = self._definitions.get(reference.removeprefix(_LOCAL))
        if not reference.startswith(_LOCAL) or not isinstance(found, dict):
            raise _invalid(f"{reference[:100]!r} does not refer to one of its $defs")
        return found


@lru_cache(maxsize=256)
def matcher(pattern: str) -> SchemaValidator | None:
    """Return what searches a text for *pattern* in linear time; None if it is not supported."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except PatternError:
        return None


def _pattern(
    validator: Validator, pattern: str, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    del schema
    matches = matcher(pattern)
    if (
        validator.is_type(instance, "string")
        and matches
        and not matches.isinstance_python(instance)
    ):
        yield ValidationError("does not match")


_FieldsValidator: type[Draft202012Validator] = validators.extend(  # type: ignore[no-untyped-call] # jsonschema leaves it untyped
    Draft202012Validator, {"pattern": _pattern}
)


def strict_schema(schema: Any, *, partial: bool) -> Any:
    """Return *schema* in the strict form that providers accept: all properties are required.

    A property that may be absent may be null instead. *partial*: so may every property. Patterns
    stand in the descriptions, because providers and the client of the model run other engines.
    """
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict_value(key, value, partial=partial) for key, value in schema.items()}
    if pattern := strict.pop("pattern", None):
        strict["description"] = f"{schema.get('description', '')} (pattern: {pattern})".strip()
    if isinstance(properties := strict.get("properties"), dict):
        required = () if partial else schema.get("required", ())
        strict["properties"] = {
            name: _nullable(one, missing=name not in required) for name, one in properties.items()
        }
        strict |= {"required": list(properties), "additionalProperties": False}
    return strict


def _strict_value(key: str, value: Any, *, partial: bool) -> Any:
    if key in _ONE:
        return strict_schema(value, partial=partial)
    if key in _LISTS:
        return [strict_schema(one, partial=partial) for one in value]
    if key in _NAMED:
        return {name: strict_schema(one, partial=partial) for name, one in value.items()}
    return value


def _nullable(schema: Any, *, missing: bool) -> Any:
    if not missing or _accepts_null(schema):
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def _accepts_null(schema: Any) -> bool:
    return bool(Draft202012Validator(schema).is_valid(None))


def without_nulls(value: Any, schema: Any) -> Any:
    """Return *value* without nulls for those properties of *schema* that may be absent."""
    if not isinstance(schema, dict):
        return value
    if isinstance(value, list) and "items" in schema:
        return [without_nulls(item, schema["items"]) for item in value]
    properties = schema.get("properties")
    if not isinstance(value, dict) or not isinstance(properties, dict):
        return value
    required = schema.get("required", ())
    return {
        name: without_nulls(one, properties.get(name))
        for name, one in value.items()
        if not (
            one is None
            and name in properties
            and name not in required
            and not _accepts_null(properties[name])
        )
    }
