"""The failures that OpenAPI describes for each route."""

from __future__ import annotations

from typing import Any

from secretary_api.schemas.envelope import Failure

Responses = dict[int | str, dict[str, Any]]

COMMON: Responses = {
    401: {"model": Failure, "description": "`UNAUTHORIZED`: no valid API key"},
    403: {"model": Failure, "description": "`FORBIDDEN`: the API key lacks the scope"},
    422: {"model": Failure, "description": "`VALIDATION_ERROR` and the like, the field named"},
    429: {"model": Failure, "description": "`RATE_LIMITED`: try again after `Retry-After`"},
    503: {
        "model": Failure,
        "description": "`STORE_UNAVAILABLE` or `OVERLOADED`: try again after `Retry-After`",
    },
}
"""The failures of every route under ``/api``."""
NOT_FOUND: Responses = {
    404: {"model": Failure, "description": "`NOT_FOUND`: unknown, or of another API key"}
}
CONFLICT: Responses = {
    409: {"model": Failure, "description": "`INVALID_STATE`: the job's state does not allow it"}
}
FORBIDDEN: Responses = {403: {"model": Failure, "description": "`FORBIDDEN`: not an admin"}}
TOO_SLOW: Responses = {
    408: {"model": Failure, "description": "`REQUEST_TIMEOUT`: the body came too slowly"}
}
WITH_FILE_BODY: Responses = {
    **TOO_SLOW,
    413: {"model": Failure, "description": "`BODY_TOO_LARGE`: over files.max_upload_mb"},
    415: {"model": Failure, "description": "`UNSUPPORTED_MEDIA_TYPE`: not multipart/form-data"},
}
WITH_JSON_BODY: Responses = {
    **TOO_SLOW,
    413: {"model": Failure, "description": "`BODY_TOO_LARGE`"},
    415: {"model": Failure, "description": "`UNSUPPORTED_MEDIA_TYPE`: not JSON"},
    422: {
        "model": Failure,
        "description": (
            "`VALIDATION_ERROR`, `NOT_STORABLE`, `UNKNOWN_JOB_TYPE`, `URL_REFUSED`, "
            "`FILE_OUTSIDE_ROOTS`, `FILE_NOT_FOUND`, `UNSUPPORTED_MEDIA`, "
            "`IDEMPOTENCY_KEY_REUSED`: `details.fields` names each field"
        ),
    },
}
