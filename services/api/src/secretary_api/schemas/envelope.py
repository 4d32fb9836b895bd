"""The envelope of every answer, and the format of times in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

T = TypeVar("T")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


@lru_cache(maxsize=100)  # a new job has one time in three fields
def to_wire(moment: datetime) -> str:
    """Return *moment* in ISO 8601, UTC, to the millisecond: ``2026-01-01T00:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Let a strict integer be 5.0 too, as in JSON Schema; "5" and true are still refused."""


def check_number(value: Any) -> Any:
    """Return the value of a query's number, unless only Python reads it as one: 1_0, nan, ٣.

    Raises:
        ValueError: *value* is such a text.
    """
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("must be a number")
    return value


PLAIN_NUMBER = BeforeValidator(check_number)
"""For numbers in queries, which are texts. It stands after the bounds, so that OpenAPI has them."""
PageSize = Annotated[int, Field(ge=1, le=250), PLAIN_NUMBER]
Timestamp = Annotated[
    datetime,
    PlainSerializer(to_wire, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-01-01T00:00:00.000Z"]}
    ),
]


class Request(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)


class Success(View, Generic[T]):
    """The answer to a request that succeeded."""

    status: Literal["success"] = "success"
    data: T


class ErrorBody(View):
    """The error of a failed request."""

    code: str
    """A stable code from a closed list, for programs."""
    message: str
    details: dict[str, Any] | None = None
    """A validation error has ``{"fields": [{"field", "message"}]}``."""


class Failure(View):
    """The answer to a request that failed."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "error",
                "error": {
                    "code": "VALIDATION_ERROR",
                    "message": "parameters.extraction_method: must be one of native",
                    "details": {
                        "fields": [
                            {
                                "field": "parameters.extraction_method",
                                "message": "must be one of native",
                            }
                        ]
                    },
                },
            }
        }
    )

    status: Literal["error"] = "error"
    error: ErrorBody
