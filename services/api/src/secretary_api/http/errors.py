"""Turns errors into answers: each code has a status, and each exception gets the envelope."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from secretary_common.errors import (
    ErrorCode,
    InvalidRequest,
    Overloaded,
    RateLimited,
    SecretaryError,
    StoreUnavailable,
    Unauthorized,
)
from secretary_common.jobs.storable import cut_text

STATUS_OF: Mapping[str, int] = {
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.REQUEST_TIMEOUT: 408,
    ErrorCode.INVALID_STATE: 409,
    ErrorCode.BODY_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.VALIDATION_ERROR: 422,
    ErrorCode.NOT_STORABLE: 422,
    ErrorCode.UNKNOWN_JOB_TYPE: 422,
    ErrorCode.URL_REFUSED: 422,
    ErrorCode.FILE_OUTSIDE_ROOTS: 422,
    ErrorCode.FILE_NOT_FOUND: 422,
    ErrorCode.UNSUPPORTED_MEDIA: 422,
    ErrorCode.S3_ADDRESS_INVALID: 422,
    ErrorCode.S3_BUCKET_REFUSED: 422,
    ErrorCode.IDEMPOTENCY_KEY_REUSED: 422,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.STORE_UNAVAILABLE: 503,
    ErrorCode.OVERLOADED: 503,
}
"""The HTTP status of each code. Errors with other codes are not for clients: 500."""

_CODE_OF_STATUS: Mapping[int, ErrorCode] = {
    401: ErrorCode.UNAUTHORIZED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.BODY_TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
}
_MESSAGE_OF_STATUS: Mapping[int, str] = {
    404: "There is nothing at this path; see /docs.",
    405: "This path does not know this method; see /docs.",
}
_INTERNAL_MESSAGE = "Something went wrong here; it is logged."
_MAX_FIELDS = 20
"""The most fields that one answer names."""
_MAX_NAME = 200
"""The most characters of a field's name, which may be text of the client."""

Field = tuple[str, str]
"""The path of a field, e.g. ``parameters.filename``, and what is wrong with its value."""


class UnsupportedMediaType(SecretaryError):
    """The body must be JSON: Content-Type: application/json."""

    code = ErrorCode.UNSUPPORTED_MEDIA_TYPE


def refused_fields(*fields: Field, code: str = ErrorCode.VALIDATION_ERROR) -> InvalidRequest:
    """Return the error that names *fields*; its message names the first one."""
    named = [(name[:_MAX_NAME], message) for name, message in fields[:_MAX_FIELDS]]
    details = {"fields": [{"field": name, "message": message} for name, message in named]}
    return InvalidRequest(": ".join(named[0]), code=code, details=details)


def refused_model(errors: list[Any]) -> InvalidRequest:
    """Return the error for *errors* of pydantic, without the refused values."""
    return refused_fields(*map(_field_of, errors))


def envelope(code: str, message: str, details: Mapping[str, Any] | None = None) -> bytes:
    """Return the body of a failure."""
    error = {"code": str(code), "message": cut_text(message), "details": details}
    text = json.dumps(
        {"status": "error", "error": error}, ensure_ascii=False, separators=(",", ":")
    )
    return text.encode(errors="replace")  # a client's lone surrogate must not fail the answer


def failure(
    code: str,
    message: str,
    details: Mapping[str, Any] | None = None,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer for a failure; *status* defaults to the status of *code*."""
    return Response(
        envelope(code, message, details),
        status_code=status or STATUS_OF.get(code, 500),
        headers=headers,
        media_type="application/json",
    )


def internal_failure() -> Response:
    """Return the answer to an unexpected error: it says nothing about the error."""
    return failure(ErrorCode.INTERNAL_ERROR, _INTERNAL_MESSAGE)


def answer_to(error: SecretaryError) -> Response:
    """Return the answer for *error*."""
    if error.code not in STATUS_OF:
        return internal_failure()
    return failure(error.code, error.message, error.details, headers=_headers_of(error))


def install(app: FastAPI) -> None:
    """Make *app* answer every error in the envelope, including errors of the framework."""
    app.add_exception_handler(SecretaryError, _on_own)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)


def _headers_of(error: SecretaryError) -> dict[str, str]:
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, StoreUnavailable | RateLimited | Overloaded):
        return {"Retry-After": str(math.ceil(error.retry_after))}
    return {}


def _field_of(error: Mapping[str, Any]) -> Field:
    # The place of a parameter ("query") is not part of its name.
    location = [part for part in error["loc"] if part not in ("query", "path", "header")]
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "there is no such field"
    return ".".join(map(str, location)) or "body", message


async def _on_own(_request: Request, error: Exception) -> Response:
    return answer_to(error) if isinstance(error, SecretaryError) else internal_failure()


async def _on_validation(_request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return answer_to(refused_model(list(found)))


def _allowed_methods(request: Request) -> str | None:
    """Return every method of the requested path: the framework names those of one route only."""
    path, described = request.scope["path"], request.app.openapi()["paths"]
    # ``/api/jobs/batch`` has methods of its own, although it fits ``/api/jobs/{job_id}`` too.
    templates = [path] if path in described else [one for one in described if _fits(path, one)]
    methods = {method.upper() for template in templates for method in described[template]}
    return ", ".join(sorted(methods)) or None


def _fits(path: str, template: str) -> bool:
    """Return whether *path* fits *template*, e.g. ``/api/jobs/{job_id}``."""
    given, named = path.split("/"), template.split("/")
    return len(given) == len(named) and all(
        bool(part) if name.startswith("{") else part == name
        for part, name in zip(given, named, strict=True)
    )


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return internal_failure()
    code = _CODE_OF_STATUS.get(error.status_code, ErrorCode.VALIDATION_ERROR)
    if error.status_code >= 500:  # noqa: PLR2004 - the class of server errors
        return internal_failure()
    message = _MESSAGE_OF_STATUS.get(error.status_code, error.detail)
    headers = dict(error.headers or {})
    if code == ErrorCode.METHOD_NOT_ALLOWED and (allowed := _allowed_methods(request)):
        headers["Allow"] = allowed
    return failure(code, message, status=error.status_code, headers=headers)
