"""An example of each failure that clients can get."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from secretary_api.http.errors import STATUS_OF
from secretary_common.errors import ErrorCode

_CODE = re.compile(r"`([A-Z_]+)`")


def _field(name: str, message: str) -> tuple[str, dict[str, Any]]:
    return f"{name}: {message}", {"fields": [{"field": name, "message": message}]}


_EXAMPLES: Mapping[str, tuple[str, dict[str, Any] | None]] = {
    ErrorCode.UNAUTHORIZED: ("A valid API key is needed: Authorization: Bearer <key>.", None),
    ErrorCode.FORBIDDEN: ("This API key lacks the scope submit.", None),
    ErrorCode.NOT_FOUND: ("there is no job job-019a0b5e-7c3d-7d2e-8f4a-1b2c3d4e5f60", None),
    ErrorCode.METHOD_NOT_ALLOWED: ("This path does not know this method; see /docs.", None),
    ErrorCode.REQUEST_TIMEOUT: ("the body came too slowly", None),
    ErrorCode.INVALID_STATE: (
        "the job is completed: only a waiting or running job can be cancelled",
        None,
    ),
    ErrorCode.BODY_TOO_LARGE: ("the body is over 10 MB (api.max_body_mb)", None),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: ("the body must be application/json", None),
    ErrorCode.VALIDATION_ERROR: _field("priority", "must be at most 9"),
    ErrorCode.NOT_STORABLE: _field("parameters.ratio", "NaN cannot be stored"),
    ErrorCode.UNKNOWN_JOB_TYPE: _field("job_type", "is not one of: media, pdf, session"),
    ErrorCode.URL_REFUSED: _field("parameters.webhook.url", "the address 127.0.0.1 is not public"),
    ErrorCode.FILE_OUTSIDE_ROOTS: _field(
        "parameters.filename", "is outside the folders that jobs may read (files.roots)"
    ),
    ErrorCode.FILE_NOT_FOUND: _field("parameters.file_id", "there is no such upload"),
    ErrorCode.UNSUPPORTED_MEDIA: _field(
        "parameters.file_id", "the file is a RAR archive, which cannot be read"
    ),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: _field("Idempotency-Key", "was used with another body"),
    ErrorCode.RATE_LIMITED: (
        "this API key may make 10 requests a second (requests_per_sec)",
        {"limit": "requests_per_sec", "most": 10},
    ),
    ErrorCode.STORE_UNAVAILABLE: ("MongoDB does not answer", None),
    ErrorCode.OVERLOADED: ("too many requests are in progress", None),
}


def failures_in(description: str, status: int) -> dict[str, Any]:
    """Return an example of each failure with *status* that *description* names, by its code.

    Without a name in *description*: of each failure with this status.
    """
    possible = [code for code in _EXAMPLES if STATUS_OF[code] == status]
    named = set(_CODE.findall(description))
    return {
        str(code): _failure(str(code))
        for code in possible
        if code in named or not named.intersection(possible)
    }


def _failure(code: str) -> dict[str, Any]:
    message, details = _EXAMPLES[code]
    return {"status": "error", "error": {"code": code, "message": message, "details": details}}
