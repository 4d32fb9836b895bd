"""Compares a document with its model, field by field, as strictly as MongoDB's own operators.

pydantic would read ``"1"`` as a number, but ``$inc`` fails on it, and a query by number misses it.
"""

from __future__ import annotations

import builtins
import functools
import math
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from types import NoneType
from typing import Any, NoReturn, get_args, get_origin

from bson import Binary, Int64, ObjectId
from bson.datetime_ms import DatetimeMS
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from secretary_common.mongo.stored.fault import Fault, Mismatch

FIRST_YEAR, END_YEAR = 1970, 9000
EARLIEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
LATEST = datetime(END_YEAR, 1, 1, tzinfo=UTC)
"""Stored times lie between these two, so that adding a duration to one cannot overflow."""
LARGEST_INT = 2**53
"""The largest integer; adding to it stays within 64 bits."""

Check = Callable[[Any], Any]
"""Returns a value as the model takes it; raises ``Mismatch``."""

_NAMES: Mapping[type, str] = {
    NoneType: "null",
    bool: "bool",
    int: "int",
    Int64: "int",
    float: "double",
    str: "string",
    bytes: "binary",
    Binary: "binary",
    list: "array",
    dict: "object",
    datetime: "date",
    DatetimeMS: "date out of range",
    ObjectId: "objectId",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a document that its model takes, and the faults of the others."""

    values: dict[str, Any]
    faults: Sequence[Fault]
    whole: BaseModel | None
    """The document as its model, if it has no fault."""


def type_name(value: object) -> str:
    """Return MongoDB's name of the type of *value*."""
    return _NAMES.get(type(value), type(value).__name__)


def shape_of(
    document: Mapping[str, Any],
    model: type[BaseModel],
    *,
    always: Collection[str] = (),
    left_out: Collection[str] = (),
) -> Shape:
    """Compare *document* with *model*; fields that *model* does not have are ignored.

    Args:
        document: with the names of *model*.
        model: the model.
        always: fields that a document must have, although they have a default.
        left_out: fields that the read did not ask for.
    """
    values, faults = _checked(document, model, always, left_out)
    whole, refused = _validated(model, values)
    if not (faults or refused):
        return Shape(values, faults, whole)
    faults += refused
    odd = {fault.top for fault in faults}
    return Shape({name: value for name, value in values.items() if name not in odd}, faults, None)


def _checked(
    document: Mapping[str, Any],
    model: type[BaseModel],
    always: Collection[str] = (),
    left_out: Collection[str] = (),
) -> tuple[dict[str, Any], list[Fault]]:
    """Return the values of *document* that have the types of *model*, and the other's faults."""
    checks = _checks(model)
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in document.items():
        if check := checks.get(name):
            try:
                values[name] = check(value)
            except Mismatch as error:
                faults.append(Fault((name, *error.path), error.problem, error.word))
    faults += [
        Fault((name,), "is missing")
        for name in (*_required(model), *always)
        if name not in document and name not in left_out
    ]
    if faults:  # in the order of the model
        places = {name: place for place, name in enumerate(checks)}
        faults.sort(key=lambda fault: places[fault.top])
    return values, faults


def _validated(
    model: type[BaseModel], values: Mapping[str, Any]
) -> tuple[BaseModel | None, list[Fault]]:
    """Return the model of *values*, and faults for values it refuses, such as a negative count."""
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        paths = {tuple(map(str, one["loc"])) for one in error.errors(include_url=False)}
        given = sorted(path for path in paths if path and path[0] in values)
        return None, [Fault(path, "has a value that this version refuses") for path in given]


@functools.cache
def _checks(model: type[BaseModel]) -> Mapping[str, Check]:
    """Return the check of each field of *model*, in the order of *model*."""
    return {
        name: _check_of(field.annotation)
        for name, field in model.model_fields.items()
        if not field.exclude
    }


@functools.cache
def _required(model: type[BaseModel]) -> Sequence[str]:
    checks = _checks(model)
    return [
        name for name, field in model.model_fields.items() if name in checks if field.is_required()
    ]


def _check_of(annotation: Any) -> Check:
    """Return the check of a type as the models use them."""
    inner = get_args(annotation)
    match get_origin(annotation):
        case None:
            return _check_of_class(annotation)
        case typing.Literal:
            return functools.partial(_word, frozenset(inner))
        case builtins.list:
            return functools.partial(_list, _check_of(inner[0]))
        case builtins.dict:
            return _json_object if inner[1] is Any else _texts
    [given] = [one for one in inner if one is not NoneType]  # ``X | None``
    return functools.partial(_optional, _check_of(given))


def _check_of_class(given: Any) -> Check:
    if given in _SIMPLE:
        return _SIMPLE[given]
    if issubclass(given, Enum):
        return functools.partial(_word, frozenset(one.value for one in given))
    return functools.partial(_model, given)


def _refuse(expected: str, value: object) -> NoReturn:
    raise Mismatch(f"is of the type {type_name(value)}; {expected} is expected")


def _optional(check: Check, value: Any) -> Any:
    return None if value is None else check(value)


def _word(known: Collection[str], value: Any) -> str:
    if not isinstance(value, str):
        _refuse("string", value)
    if value not in known:
        raise Mismatch("has a word of a newer version", word=value)
    return value


def _list(check: Check, value: Any) -> list[Any]:
    if not isinstance(value, list):
        _refuse("array", value)
    checked = []
    for place, one in enumerate(value):
        try:
            checked.append(check(one))
        except Mismatch as error:
            raise error.below(str(place)) from None
    return checked


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse("object", value)
    return value


def _json_object(value: Any) -> dict[str, Any]:
    found = _object(value)
    try:
        to_json(found, inf_nan_mode="constants")
    except ValueError:
        raise Mismatch("holds a value that JSON does not have") from None
    return found


def _texts(value: Any) -> dict[str, str]:
    found = _object(value)
    for name, text in found.items():
        if not isinstance(text, str):
            raise Mismatch(f"is of the type {type_name(text)}; string is expected", name)
    return found


def _model(model: type[BaseModel], value: Any) -> dict[str, Any]:
    values, faults = _checked(_object(value), model)
    for fault in faults:
        raise Mismatch(fault.problem, *fault.path, word=fault.word)
    return values


def _string(value: Any) -> str:
    return value if isinstance(value, str) else _refuse("string", value)


def _bool(value: Any) -> bool:
    return value if isinstance(value, bool) else _refuse("bool", value)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else _refuse("binary", value)


def _int(value: Any) -> int:
    """Take whole doubles too: a repair by hand may write ``5.0``, and MongoDB can add to it."""
    if type(value) is int and -LARGEST_INT <= value <= LARGEST_INT:
        return value  # nearly always
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse("int", value)
    if not math.isfinite(value) or value != int(value) or abs(value) > LARGEST_INT:
        raise Mismatch("is not a whole number of the usual size")
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse("double", value)
    if not math.isfinite(value):
        raise Mismatch("is not a finite number")
    return float(value)


def _date(value: Any) -> datetime:
    if not isinstance(value, datetime):
        _refuse("date", value)
    if not FIRST_YEAR <= value.year < END_YEAR:
        raise Mismatch("is a date out of range")
    return value


_SIMPLE: Mapping[Any, Check] = {
    str: _string,
    bool: _bool,
    int: _int,
    float: _float,
    bytes: _bytes,
    datetime: _date,
    Any: lambda value: value,
}
