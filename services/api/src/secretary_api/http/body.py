"""JSON bodies of requests: parsed strictly, and refused if a value cannot be stored."""

from __future__ import annotations

import json
from email.message import Message
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from secretary_api.http.errors import UnsupportedMediaType, refused_fields, refused_model
from secretary_common.jobs.storable import MAX_DEPTH, check_storable, refusal

M = TypeVar("M", bound=BaseModel)

BODY = "body"
_MAX_DIGITS = 25
_OVER_64_BIT = 10**_MAX_DIGITS


def require_json(content_type: str) -> None:
    """Check the Content-Type of a body.

    Raises:
        UnsupportedMediaType: it is not JSON.
    """
    if not _is_json(content_type):
        raise UnsupportedMediaType


def validated(body: Any, model: type[M]) -> M:
    """Return *body* as a *model*.

    Raises:
        InvalidRequest: naming each field that is wrong.
    """
    if not isinstance(body, dict):
        raise refused_fields((BODY, "must be a JSON object"))
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise refused_model(list(error.errors(include_input=False, include_url=False))) from None


def parse_json(raw: bytes) -> Any:
    """Return the value of *raw*.

    Raises:
        InvalidRequest: *raw* is not JSON.
        NotStorable: the error names the value that cannot be stored.
    """
    try:
        value = from_json(raw, allow_inf_nan=False, cache_strings="keys")  # values may be secret
    except ValueError:
        # The parser of Python names the mistake. It also reads UTF-16, and accepts NaN and lone
        # surrogates, which are refused below with their path.
        value = _parsed_by_python(raw)
    check_storable(value)
    return value


def _parsed_by_python(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_int=_integer)
    except RecursionError:
        raise refusal("", f"nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise refused_fields((BODY, f"is not valid JSON: {error.msg} ({where})")) from None
    except UnicodeDecodeError:
        raise refused_fields((BODY, "is not valid JSON: not UTF-8")) from None


def _integer(digits: str) -> int:
    # int() refuses thousands of digits without a path. This value is refused later, with its path.
    return int(digits) if len(digits) <= _MAX_DIGITS else _OVER_64_BIT


def _is_json(content_type: str) -> bool:
    if content_type == "application/json":
        return True
    header = Message()
    header["content-type"] = content_type
    subtype = header.get_content_subtype()
    return header.get_content_maintype() == "application" and (
        subtype == "json" or subtype.endswith("+json")
    )
