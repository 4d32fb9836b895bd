"""Maps the answers of a store to errors with stable codes. Pure functions."""

from __future__ import annotations

import html
import re
from http import HTTPStatus

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError

MOST_BYTES = 256 * 1024
"""The most that is read of an answer that is not an object."""
_CODE = re.compile(r"<Code>([A-Za-z0-9._-]{1,100})</Code>")
_UPLOAD_ID = re.compile(r"<UploadId>([^<]{1,2048})</UploadId>")
_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_TRANSIENT_CODES = frozenset(
    {"InternalError", "OperationAborted", "RequestTimeout", "SlowDown", "ServiceUnavailable"}
)
_ACCESS_CODES = frozenset(
    {
        *("AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken"),
        *("RequestTimeTooSkewed", "SignatureDoesNotMatch"),
    }
)
_CONDITION_STATUSES = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT)
_CONDITION_CODES = frozenset({"ConditionalRequestConflict", "PreconditionFailed"})


class ConditionFailed(SecretaryError):
    """The object is not in the state that the request expects."""

    code = ErrorCode.S3_OVERTAKEN


def error_of(status: int, body: bytes) -> SecretaryError | None:
    """Return the error that an answer means; None if the request has succeeded.

    The error names the store's own code, and neither the endpoint nor the key to it.
    """
    text = body.decode(errors="replace")
    found = _CODE.search(text) if "<Error>" in text else None
    code = found[1] if found else ""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES and not code:
        return None
    details = {"status": status, "store_code": code} if code else {"status": status}
    said = f"the store answered {status}" + (f" ({code})" if code else "")
    if status in _TRANSIENT_STATUSES or code in _TRANSIENT_CODES:
        return TransientError(said, code=ErrorCode.S3_UNAVAILABLE, details=details)
    if status in _CONDITION_STATUSES or code in _CONDITION_CODES:
        return ConditionFailed(said, details=details)
    error_code, message = _refusal(status, code, said)
    return PermanentError(message, code=error_code, details=details)


def _refusal(status: int, code: str, said: str) -> tuple[ErrorCode, str]:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        message = f"{said}, a redirect, which is never followed: check endpoint and region"
        return ErrorCode.S3_ENDPOINT_REFUSED, message
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or code in _ACCESS_CODES:
        message = f"{said}: the key of the connection does not allow this"
        return ErrorCode.S3_ACCESS_DENIED, message
    if status == HTTPStatus.NOT_FOUND:
        thing = "bucket" if code == "NoSuchBucket" else "object"
        return ErrorCode.S3_OBJECT_NOT_FOUND, f"there is no such {thing}"
    return ErrorCode.S3_REFUSED, said


def upload_id(body: bytes) -> str | None:
    """Return the id of the upload in parts that *body*, the answer to its beginning, names."""
    found = _UPLOAD_ID.search(body.decode(errors="replace"))
    return html.unescape(found[1]) if found else None
