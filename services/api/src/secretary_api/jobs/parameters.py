"""The check of parameters against the JSON Schema of their job type, with messages in words.

The messages of the schema library contain values, and a value may be a secret. The messages of this
module name only the field and the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from secretary_api.http.errors import Field, refused_fields
from secretary_api.jobs.schema.compiled_schema import compiled
from secretary_api.jobs.schema.schema_keyword import AT_LEAST, ParameterValidator
from secretary_api.jobs.schema.string_format import format_rule
from secretary_common.models import JobTypeInfo, JsonObject
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

_MAX_ERRORS = 20
"""The check stops after this many errors."""

Rule = Callable[[Any], str]

_TYPE_NAMES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "text",
}
_MUST_BE_NULL = ("type", "null")
_RULES: dict[str, Rule] = {
    "const": lambda allowed: f"must be {allowed}",
    "enum": lambda allowed: f"must be one of {_joined(allowed)}",
    "exclusiveMaximum": lambda limit: f"must be less than {limit}",
    "exclusiveMinimum": lambda limit: f"must be greater than {limit}",
    "format": format_rule,
    "maxItems": lambda limit: f"must have at most {limit} items",
    "maxLength": lambda limit: f"must have at most {limit} characters",
    "maximum": lambda limit: f"must be at most {limit}",
    "minItems": lambda limit: f"must have at least {limit} items",
    "minLength": lambda limit: f"must have at least {limit} characters",
    "minimum": lambda limit: f"must be at least {limit}",
    "multipleOf": lambda step: f"must be a multiple of {step}",
    "pattern": lambda pattern: f"must match {pattern}",
    "type": lambda names: f"must be {_type_names(names)}",
    "uniqueItems": lambda _: "must not name anything twice",
}


class ParameterCheck:
    """Checks the parameters of one job type."""

    def __init__(self, info: JobTypeInfo) -> None:
        """Prepare the check. Without a valid schema only the worker checks."""
        self._job_type = info.job_type
        self._schema: JsonObject = info.parameter_schema or {}
        self._validator = _validator(info.job_type, self._schema)
        self._fits = compiled(self._validator.schema)

    def __call__(self, parameters: JsonObject) -> None:
        """Check that *parameters* fit the schema.

        Raises:
            InvalidRequest: naming each field that does not fit.
        """
        # A null that means "not given" does not fit its own schema, so the test refuses it.
        if self._fits and self._fits(parameters):
            return
        try:
            given = self._without_optional_nulls(parameters)
            errors = islice(self._validator.iter_errors(given), _MAX_ERRORS)
            found = [field for error in errors for field in described(error, "parameters")]
        except Unresolvable as error:
            log.error("job_type.schema_unusable", job_type=self._job_type, reason=str(error))
            return
        if found:
            # The library reports one error for each missing name, and each lists all of them.
            raise refused_fields(*dict.fromkeys(found))

    def _without_optional_nulls(self, parameters: JsonObject) -> JsonObject:
        """Return *parameters* without the nulls that mean "not given".

        A rule such as "exactly one of" must not count them.
        """
        properties = self._schema.get("properties", {})
        optional = properties.keys() - set(self._schema.get("required", ()))
        return {
            name: value
            for name, value in parameters.items()
            if value is not None
            or name not in optional
            or not self._validator.evolve(schema=properties[name]).is_valid(None)
        }


def described(error: ValidationError, root: str) -> Iterator[Field]:
    """Yield each field that *error* is about, with a path below *root*, and the broken rule."""
    keyword, path = str(error.validator), _path(root, error.absolute_path)
    expected: Any = error.validator_value
    instance: Any = error.instance
    if keyword == "required":
        missing = (name for name in expected if name not in instance)
        yield from ((f"{path}.{name}", "is required") for name in missing)
    elif keyword == "additionalProperties" and isinstance(error.schema, dict):
        known = error.schema.get("properties", {})
        unknown = (name for name in instance if name not in known)
        yield from ((f"{path}.{name}", "there is no such parameter") for name in unknown)
    elif keyword == AT_LEAST:
        yield path, f"must be at least {expected[error.absolute_path[-1]]}"
    elif keyword == "oneOf" and (names := _single_names(expected)):
        yield path, f"exactly one of {_joined(names)} is needed"
    elif keyword == "not" and isinstance(expected, dict) and "required" in expected:
        yield path, f"{_joined(expected['required'])} exclude each other"
    elif keyword in ("anyOf", "oneOf") and error.context:
        yield from _of_alternatives(error.context, path, root)
    else:
        rule = _RULES.get(keyword)
        yield path, rule(expected) if rule else f"is not valid ({keyword})"


def _of_alternatives(errors: list[ValidationError], path: str, root: str) -> Iterator[Field]:
    """Describe a value that fits none of several alternatives, without the alternative null.

    An alternative that allows the type of the value is closer than one that does not.
    """
    useful = [
        error for error in errors if (error.validator, error.validator_value) != _MUST_BE_NULL
    ]
    of_type = [error for error in useful if error.validator == "type" and not error.relative_path]
    refused = {error.relative_schema_path[0] for error in of_type}
    closer = [error for error in useful if error.relative_schema_path[0] not in refused]
    if of_type and not closer:
        names = dict.fromkeys(name for error in of_type for name in _listed(error.validator_value))
        yield path, f"must be {_type_names(names)}"
    elif closest := best_match(closer):
        yield from described(closest, root)


def _validator(job_type: str, schema: JsonObject) -> Draft202012Validator:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        log.error("job_type.schema_unusable", job_type=job_type, reason=error.message[:300])
        schema = {}
    # With an empty registry, references to other documents are never fetched.
    return ParameterValidator(schema, registry=Registry())


def _single_names(choices: list[Any]) -> list[str]:
    """Return the names of a ``oneOf`` whose choices each require one name; else an empty list."""
    required = [
        choice.get("required", []) if isinstance(choice, dict) else [] for choice in choices
    ]
    return [names[0] for names in required] if all(len(names) == 1 for names in required) else []


def _path(root: str, parts: Iterable[str | int]) -> str:
    return root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))


def _listed(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _type_names(names: Any) -> str:
    return " or ".join(_TYPE_NAMES.get(name, name) for name in _listed(names))
