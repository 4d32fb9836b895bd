"""Types and functions for the parameter models of the built-in handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import MODEL_FORMAT, JsonObject

M = TypeVar("M", bound=BaseModel)

FROZEN = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
# ISO 639-1.
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
SourceLanguage = Annotated[str, Field(pattern=r"^([a-z]{2}|auto)$")]
# A template's name, never a path.
TemplateName = Annotated[str, Field(pattern=r"^[\w-]{1,64}$")]
Url = Annotated[str, Field(min_length=1, max_length=8192)]
# A URL or the address of an object, which the results contain. The scheme is checked here, because
# the worker does not always fetch it.
FileUrl = Annotated[str, Field(pattern=r"^([Hh][Tt][Tt][Pp][Ss]?|s3)://", max_length=8192)]


def optional(description: str, **constraints: Any) -> Any:
    """Return a field that clients may leave out, but must not set to null (``without_null``)."""
    extra = {"json_schema_extra": without_null, **constraints}
    return Field(default=None, description=description, **extra)


def checked_as(format_: str) -> Callable[[JsonObject], None]:
    """Return a function that adds *format_* to a field's schema. The API then checks the value."""

    def extend(schema: JsonObject) -> None:
        without_null(schema)
        schema["format"] = format_

    return extend


def optional_model() -> Any:
    """Return a field for the name of a language model."""
    return optional(
        "The model to ask; by default the configured one.",
        min_length=1,
        max_length=200,
        json_schema_extra=checked_as(MODEL_FORMAT),
    )


def parse_parameters(model: type[M], parameters: JsonObject) -> M:
    """Return the job's *parameters* as an instance of *model*.

    Raises:
        PermanentError: VALIDATION_ERROR; the message names the bad fields, but not their values.
    """
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        problems = [
            {
                "field": ".".join(_names_in(problem["loc"])),
                "message": problem["msg"].removeprefix("Value error, "),
            }
            for problem in error.errors(include_input=False, include_url=False)
        ]
        message = "; ".join(": ".join(filter(None, problem.values())) for problem in problems)
        details = {"errors": problems}
        raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR, details=details) from None


def _names_in(place: tuple[int | str, ...]) -> list[str]:
    """Return the names and indices in *place*, without pydantic's descriptions of alternatives."""
    return [str(part) for part in place if isinstance(part, int) or "[" not in part]


def without_null(schema: JsonObject) -> None:
    """Remove null from *schema*, because ``oneOf`` would count a field with null as given."""
    del schema["default"]
    schema.update(schema.pop("anyOf")[0])
