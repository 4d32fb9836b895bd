"""Answers of the API: their data, or the error that they report."""

from __future__ import annotations

from typing import Any

import httpx

from secretary_client.error import ApiError


def check(response: httpx.Response) -> None:
    """Raise the error that *response* reports; its body must be read, unless it is a success.

    Raises:
        ApiError: the answer is an error.
    """
    if response.is_success:
        return
    try:
        error = response.json()["error"]
        failure = ApiError(response.status_code, error["code"], error["message"], error["details"])
    except (ValueError, KeyError, TypeError):
        failure = _unknown(response)
    failure.retry_after = _retry_after(response)
    raise failure


def data_of(response: httpx.Response) -> Any:
    """Return the data of *response*.

    Raises:
        ApiError: the answer is an error, or not an answer of the API.
    """
    check(response)
    try:
        return response.json()["data"]
    except (ValueError, KeyError, TypeError):
        raise _unknown(response) from None


def _unknown(response: httpx.Response) -> ApiError:
    """Return the error for an answer that comes not from the API but, for example, a proxy."""
    message = f"{response.url} answered {response.status_code}, and not as Secretary does"
    return ApiError(response.status_code, "UNKNOWN", message, None)


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
