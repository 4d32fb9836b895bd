"""Checks for keywords of JSON Schema; no check takes exponential or quadratic time.

The schemas come from handlers, the parameters from clients. The schema library matches patterns
with ``re``, whose worst case is exponential, and it compares each item of a list with every other.
Here patterns run on pydantic's engine, as they do in the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.protocols import Validator
from pydantic_core import SchemaError, SchemaValidator, core_schema

from secretary_api.jobs.schema.string_format import fits_format
from secretary_common.models import JsonObject
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

AT_LEAST = "x-at-least"
"""Our own keyword, because JSON Schema has none for it: ``{"page_end": "page_start"}`` says that
``page_end`` is at least ``page_start`` if both are given."""


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], bool] | None:
    """Return a function that searches a text for *pattern*; None: only the worker can check it.

    ``$`` means the end of the text, as in ECMA 262, which JSON Schema names. Look-around and back
    references are not supported, because no linear engine has them.
    """
    try:
        validator = SchemaValidator(
            core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")
        )
    except SchemaError:
        log.warning("job_type.pattern_unchecked", pattern=pattern[:300])
        return None
    return validator.isinstance_python


def _pattern(
    validator: Validator, pattern: str, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    del schema
    matches = matcher(pattern)
    if validator.is_type(instance, "string") and matches and not matches(instance):
        yield ValidationError("does not match")


def _format(
    validator: Validator, format_: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    del schema
    if validator.is_type(instance, "string") and not fits_format(instance, format_):
        yield ValidationError("is of another format")


def _pattern_properties(
    validator: Any, patterns: JsonObject, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    del schema
    if not validator.is_type(instance, "object"):
        return
    for pattern, part in patterns.items():
        matches = matcher(pattern)
        for name, value in instance.items():
            if matches and matches(name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, instance: Any, schema: JsonObject
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    matchers = [matcher(pattern) for pattern in schema.get("patternProperties", {})]
    known = schema.get("properties", {})
    for name, value in instance.items():
        if name in known or any(matches is None or matches(name) for matches in matchers):
            continue
        if allowed is False:
            yield ValidationError("is not expected")
            return
        yield from validator.descend(value, allowed, path=name)


def _unique_items(
    validator: Validator, wanted: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    del schema
    if not wanted or not validator.is_type(instance, "array"):
        return
    if len({identity(item) for item in instance}) < len(instance):
        yield ValidationError("has an item twice")


def identity(value: Any) -> Hashable:
    """Return equal keys for values that JSON Schema calls equal: 1 and 1.0, but not ``true``."""
    if isinstance(value, dict):
        return "object", frozenset((name, identity(item)) for name, item in value.items())
    if isinstance(value, list):
        return "array", tuple(map(identity, value))
    return isinstance(value, bool), value


def _at_least(
    validator: Validator, bounds: JsonObject, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    del schema
    if not (validator.is_type(bounds, "object") and validator.is_type(instance, "object")):
        return
    for name, bound in bounds.items():
        value, least = instance.get(name), instance.get(str(bound))
        if _are_numbers(validator, value, least) and value < least:
            yield ValidationError("is less", path=[name])


def _are_numbers(validator: Validator, *values: Any) -> bool:
    return all(validator.is_type(value, "number") for value in values)


ParameterValidator: type[Draft202012Validator] = validators.extend(  # type: ignore[no-untyped-call] # jsonschema leaves it untyped
    Draft202012Validator,
    {
        "additionalProperties": _additional_properties,
        "format": _format,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "uniqueItems": _unique_items,
        AT_LEAST: _at_least,
    },
)
