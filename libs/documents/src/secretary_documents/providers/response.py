"""Reads a provider's response: returns its JSON, or raises the error in it. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.http.retry_after import parse_retry_after
from secretary_common.models import JsonObject
from secretary_common.runtime.clock import Clock
from secretary_documents.web.download import MAX_RETRY_AFTER_SEC

LONGEST_REASON = 300
"""The most characters of a provider's error message that an error repeats."""
_SEARCHED_REASON = 8000
_DEEPEST_REASON = 20
"""The most levels of a provider's error that are searched for its message."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
# A request with such a status, or with any 5xx, may succeed the next time.
_TEMPORARY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY)
# OpenAI's word for an account without credit, sent with 429. Waiting does not help.
_NO_CREDIT = "insufficient_quota"


class ResponseModel(BaseModel):
    """The base class for parts of a provider's response. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class ProviderRefused(PermanentError):
    """The provider refuses the request."""

    code = ErrorCode.PROVIDER_REFUSED

    def __init__(self, provider: str, status: int, reason: str) -> None:
        """*reason*: the provider's error message, without the key and control characters."""
        self.status = status
        self.reason = reason
        message = f"{provider} refuses the request ({status})"
        super().__init__(
            f"{message}: {reason[:LONGEST_REASON]}" if reason else message,
            details={"provider": provider, "status": status},
        )


class InvalidResponse(PermanentError):
    """The provider's response is invalid."""

    code = ErrorCode.PROVIDER_INVALID_ANSWER

    def __init__(self, provider: str, what: str, **details: Any) -> None:
        super().__init__(
            f"the answer of {provider} is invalid: {what}",
            details={"provider": provider, **details},
        )


def unavailable(provider: str, what: str, retry_after: float | None = None) -> TransientError:
    """Return the error for a provider that cannot be reached, or that fails."""
    return TransientError(
        f"{provider} does not answer: {what}",
        code=ErrorCode.PROVIDER_UNAVAILABLE,
        details={"provider": provider},
        retry_after=retry_after,
    )


def read_response(
    provider: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: str,
    clock: Clock,
) -> JsonObject:
    """Return the JSON object in a response.

    Args:
        provider: the provider's name in the configuration, for messages.
        status: the HTTP status.
        headers: the HTTP headers; names are looked up in lower case.
        body: the whole body.
        secret: the provider's key. It is removed from messages, because a provider may repeat it.
        clock: the clock for a ``Retry-After`` that is a date.

    Raises:
        PermanentError: PROVIDER_UNAUTHORIZED, PROVIDER_REFUSED, PROVIDER_RATE_LIMITED for an
            account without credit, or PROVIDER_INVALID_ANSWER.
        TransientError: PROVIDER_RATE_LIMITED, PROVIDER_UNAVAILABLE, or PROVIDER_INVALID_ANSWER for
            incomplete JSON.
    """
    if status == HTTPStatus.NO_CONTENT:
        return {}
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        reason = _reason(_parsed(body), body, secret)
        raise _failure(provider, status, headers, reason, clock)
    try:
        data = parse_json(body)
    except ValueError:
        raise _not_json(provider, headers.get("content-type", "")) from None
    if not isinstance(data, dict):
        raise InvalidResponse(provider, "it is not a JSON object")
    # Gateways such as OpenRouter report an error of the server behind them with status 200.
    if isinstance(error := data.get("error"), dict) and isinstance(error.get("code"), int):
        reason = _reason(data, body, secret)
        raise _failure(provider, error["code"], headers, reason, clock)
    return data


def parse_json(text: str | bytes) -> Any:
    """Parse *text* as strict JSON, without NaN and Infinity.

    Raises:
        ValueError: *text* is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _parsed(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError:
        return None


def _failure(
    provider: str, status: int, headers: Mapping[str, str], reason: str, clock: Clock
) -> PermanentError | TransientError:
    asked = headers.get("retry-after")
    retry_after = parse_retry_after(asked, clock.now(), longest_sec=MAX_RETRY_AFTER_SEC)
    details = {"provider": provider, "status": status}
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        # The provider's message is left out, because it may show a part of the key.
        message = f"{provider} refuses the key ({status}): check {provider}.api_key"
        return PermanentError(message, code=ErrorCode.PROVIDER_UNAUTHORIZED, details=details)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        message = f"{provider} accepts no more requests for now (429)"
        if _NO_CREDIT in reason:
            message = f"the account with {provider} has no credit left (429)"
            return PermanentError(message, code=ErrorCode.PROVIDER_RATE_LIMITED, details=details)
        code = ErrorCode.PROVIDER_RATE_LIMITED
        return TransientError(message, code=code, details=details, retry_after=retry_after)
    if status in _TEMPORARY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        error = unavailable(provider, f"it answered {status}", retry_after)
        error.details = details
        return error
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        reason = f"it redirects, and redirects are not followed: check {provider}.base_url"
    return ProviderRefused(provider, status, reason)


def _not_json(provider: str, content_type: str) -> PermanentError | TransientError:
    kind = content_type.partition(";")[0].strip().lower()
    if kind and "json" not in kind:
        what = f"it is {kind[:60]}, not JSON; check {provider}.base_url"
        return InvalidResponse(provider, what)
    return TransientError(
        f"the answer of {provider} is incomplete",
        code=ErrorCode.PROVIDER_INVALID_ANSWER,
        details={"provider": provider},
    )


def _reason(data: Any, body: bytes, secret: str) -> str:
    """Return the provider's error message. OpenAI, Mistral and FastAPI have different shapes."""
    found = _words(data) if isinstance(data, dict) else body[:_SEARCHED_REASON]
    text = found.decode(errors="replace") if isinstance(found, bytes) else found
    if secret:
        text = text.replace(secret, "[redacted]")
    return _UNPRINTABLE.sub(" ", text[:_SEARCHED_REASON]).strip()


def _words(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if depth == _DEEPEST_REASON:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item, depth + 1) for item in value)))
    if not isinstance(value, dict):
        return ""
    place = value.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    said = [
        _words(value.get(key), depth + 1)
        for key in ("error", "message", "msg", "detail", "param", "code")
        if value.get(key)
    ]
    return ": ".join(filter(None, [where, *said]))
