"""Compiles a JSON Schema to a function that says quickly whether a value fits.

The function gives only the verdict. For a value that does not fit, the schema library finds and
names the errors, so each refusal has one source. The function never accepts a value that the
library refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from secretary_api.jobs.schema.schema_keyword import (
    AT_LEAST,
    ParameterValidator,
    identity,
    matcher,
)
from secretary_api.jobs.schema.string_format import fits_format
from secretary_common.models import JsonObject

Test = Callable[[Any], bool]
Compile = Callable[[Any, JsonObject, "SchemaCompiler"], Test]

_DEFINITIONS = "#/$defs/"


class UnsupportedKeywordError(Exception):
    """The schema has a keyword, or a form of one, that only the library checks."""


def compiled(schema: Any) -> Test | None:
    """Return the test of *schema*, which is valid; None if only the library can check it."""
    try:
        return SchemaCompiler(schema).test_of(schema)
    except UnsupportedKeywordError:
        return None


class SchemaCompiler:
    """Compiles the parts of one schema."""

    def __init__(self, root: Any) -> None:
        self._definitions = root.get("$defs", {}) if isinstance(root, dict) else {}
        self._by_name: dict[str, Test] = {}

    def test_of(self, schema: Any) -> Test:
        """Return the test of *schema*, a part of the whole.

        Raises:
            UnsupportedKeywordError: only the library can check it.
        """
        if isinstance(schema, bool):
            return lambda _: schema
        tests = [
            _compiler_of(keyword)(value, schema, self)
            for keyword, value in schema.items()
            if keyword in ParameterValidator.VALIDATORS or keyword in _IDENTIFIERS
        ]
        return tests[0] if len(tests) == 1 else _all_of(tests)

    def definition(self, reference: str) -> Test:
        """Return the test of a definition, which may refer to itself."""
        name = reference.removeprefix(_DEFINITIONS)
        if not reference.startswith(_DEFINITIONS) or name not in self._definitions:
            raise UnsupportedKeywordError
        if name not in self._by_name:

            def later(value: Any) -> bool:
                return self._by_name[name](value)

            self._by_name[name] = later  # while the definition, which may refer to itself, is read
            self._by_name[name] = self.test_of(self._definitions[name])
        return self._by_name[name]


def _compiler_of(keyword: str) -> Compile:
    if keyword not in _COMPILERS:
        raise UnsupportedKeywordError
    return _COMPILERS[keyword]


def _all_of(tests: list[Test]) -> Test:
    def test(value: Any) -> bool:
        for one in tests:  # noqa: SIM110 - all() with a generator takes twice as long
            if not one(value):
                return False
        return True

    return test


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


_TYPES: dict[str, Test] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def _type(names: Any, _schema: JsonObject, _compiler: SchemaCompiler) -> Test:
    tests = [_TYPES[name] for name in ([names] if isinstance(names, str) else names)]
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _one_text_of(allowed: Any, _schema: JsonObject, _compiler: SchemaCompiler) -> Test:
    # Equality of other values has rules of its own: 1 equals 1.0, but not true.
    if not all(isinstance(one, str) for one in allowed):
        raise UnsupportedKeywordError
    texts = frozenset(allowed)
    return lambda value: isinstance(value, str) and value in texts


def _const(allowed: Any, schema: JsonObject, compiler: SchemaCompiler) -> Test:
    return _one_text_of([allowed], schema, compiler)


def _limit(kind: Test, fits: Callable[[Any, Any], bool]) -> Compile:
    """Return the compiler of a keyword that limits values of one *kind*."""

    def compile_(limit: Any, _schema: JsonObject, _compiler: SchemaCompiler) -> Test:
        return lambda value: not kind(value) or fits(value, limit)

    return compile_


_STRING, _ARRAY, _OBJECT = _TYPES["string"], _TYPES["array"], _TYPES["object"]


def _pattern(pattern: str, _schema: JsonObject, _compiler: SchemaCompiler) -> Test:
    matches = matcher(pattern)
    return lambda value: not _STRING(value) or matches is None or matches(value)


def _unique(wanted: Any, _schema: JsonObject, _compiler: SchemaCompiler) -> Test:
    return lambda value: (
        not wanted or not _ARRAY(value) or len({identity(item) for item in value}) == len(value)
    )


def _items(items: Any, _schema: JsonObject, compiler: SchemaCompiler) -> Test:
    test = compiler.test_of(items)
    return lambda value: not _ARRAY(value) or all(map(test, value))


def _properties(properties: JsonObject, _schema: JsonObject, compiler: SchemaCompiler) -> Test:
    tests = {name: compiler.test_of(part) for name, part in properties.items()}

    def test(value: Any) -> bool:
        return not _OBJECT(value) or all(
            tests[name](item) for name, item in value.items() if name in tests
        )

    return test


def _additional(allowed: Any, schema: JsonObject, compiler: SchemaCompiler) -> Test:
    known, test_one = frozenset(schema.get("properties", {})), compiler.test_of(allowed)
    matchers = [matcher(pattern) for pattern in schema.get("patternProperties", {})]

    def is_known(name: str) -> bool:
        return name in known or any(matches is None or matches(name) for matches in matchers)

    return lambda value: (
        not _OBJECT(value)
        or all(test_one(item) for name, item in value.items() if not is_known(name))
    )


def _pattern_properties(
    patterns: JsonObject, _schema: JsonObject, compiler: SchemaCompiler
) -> Test:
    pairs = [(matcher(pattern), compiler.test_of(part)) for pattern, part in patterns.items()]

    def fits(name: str, item: Any) -> bool:
        return all(not matches or not matches(name) or test(item) for matches, test in pairs)

    return lambda value: not _OBJECT(value) or all(fits(*pair) for pair in value.items())


def _names(names: Any, _schema: JsonObject, compiler: SchemaCompiler) -> Test:
    test = compiler.test_of(names)
    return lambda value: not _OBJECT(value) or all(map(test, value))


def _at_least(bounds: Any, _schema: JsonObject, _compiler: SchemaCompiler) -> Test:
    if not isinstance(bounds, dict):
        raise UnsupportedKeywordError
    pairs = [(name, str(bound)) for name, bound in bounds.items()]

    def fits(value: Any, name: str, bound: str) -> bool:
        given, least = value.get(name), value.get(bound)
        return not (_is_number(given) and _is_number(least)) or given >= least

    return lambda value: not _OBJECT(value) or all(fits(value, *pair) for pair in pairs)


def _some(enough: Callable[[int], bool]) -> Compile:
    """Return the compiler of a keyword that says how many of several schemas a value must fit."""

    def compile_(parts: Any, _schema: JsonObject, compiler: SchemaCompiler) -> Test:
        tests = [compiler.test_of(part) for part in parts]
        return lambda value: enough(sum(test(value) for test in tests))

    return compile_


def _every(parts: Any, _schema: JsonObject, compiler: SchemaCompiler) -> Test:
    return _all_of([compiler.test_of(part) for part in parts])


def _not(part: Any, _schema: JsonObject, compiler: SchemaCompiler) -> Test:
    test = compiler.test_of(part)
    return lambda value: not test(value)


def _reference(reference: str, _schema: JsonObject, compiler: SchemaCompiler) -> Test:
    return compiler.definition(reference)


# Keywords that change what a reference means. The library resolves those references.
_IDENTIFIERS = frozenset({"$id", "$anchor", "$dynamicAnchor"})
_COMPILERS: dict[str, Compile] = {
    "$ref": _reference,
    AT_LEAST: _at_least,
    "additionalProperties": _additional,
    "allOf": _every,
    "anyOf": _some(lambda count: count > 0),
    "const": _const,
    "enum": _one_text_of,
    "exclusiveMaximum": _limit(_is_number, lambda value, limit: value < limit),
    "exclusiveMinimum": _limit(_is_number, lambda value, limit: value > limit),
    "format": _limit(_STRING, fits_format),
    "items": _items,
    "maxItems": _limit(_ARRAY, lambda value, limit: len(value) <= limit),
    "maxLength": _limit(_STRING, lambda value, limit: len(value) <= limit),
    "maxProperties": _limit(_OBJECT, lambda value, limit: len(value) <= limit),
    "maximum": _limit(_is_number, lambda value, limit: value <= limit),
    "minItems": _limit(_ARRAY, lambda value, limit: len(value) >= limit),
    "minLength": _limit(_STRING, lambda value, limit: len(value) >= limit),
    "minProperties": _limit(_OBJECT, lambda value, limit: len(value) >= limit),
    "minimum": _limit(_is_number, lambda value, limit: value >= limit),
    "not": _not,
    "oneOf": _some(lambda count: count == 1),
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "properties": _properties,
    "propertyNames": _names,
    "required": _limit(_OBJECT, lambda value, names: all(name in value for name in names)),
    "type": _type,
    "uniqueItems": _unique,
}
