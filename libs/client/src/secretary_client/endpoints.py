"""Endpoints: receivers that a key registers once for the events of its jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from secretary_client.error import JsonObject
from secretary_client.transport import iso

ENDPOINTS = "/api/endpoints"
Call = Callable[..., Any]
Pages = Callable[[str, str, str], Iterator[JsonObject]]


class Endpoints:
    """The endpoints of one key; ``Client.endpoints`` makes it. An admin reaches those of all keys.

    All methods raise ``ApiError`` and ``Unreachable``, as ``Client.call`` does.
    """

    def __init__(self, call: Call, pages: Pages) -> None:
        """Prepare.

        Args:
            call: makes a call of the API.
            pages: yields the entries of all pages of a list.
        """
        self._call = call
        self._pages = pages

    def __iter__(self) -> Iterator[JsonObject]:
        """Yield the endpoints, newest first."""
        return self._pages(ENDPOINTS, "endpoints", "cursor")

    def get(self, endpoint_id: str) -> JsonObject:
        """Return an endpoint with its last failure."""
        return self._endpoint("GET", _path(endpoint_id))

    def create(self, url: str, **fields: Any) -> JsonObject:
        """Register a receiver of the events of this key's later jobs; return the endpoint.

        If the answer is lost, the request is repeated, and the endpoint may exist twice.

        Args:
            url: the receiver.
            fields: ``events``, ``job_types``, ``tags``, ``secret``, ``headers``, ``enabled``.
        """
        return self._endpoint("POST", ENDPOINTS, json={"url": url, **fields})

    def change(self, endpoint_id: str, **fields: Any) -> JsonObject:
        """Change the fields that are given; return the endpoint.

        Args:
            endpoint_id: the endpoint.
            fields: ``url``, ``events``, ``job_types``, ``tags``, ``headers``, ``enabled``; None
                removes a filter or all headers.
        """
        return self._endpoint("PATCH", _path(endpoint_id), json=fields)

    def rotate(self, endpoint_id: str, **fields: Any) -> JsonObject:
        """Give an endpoint a new secret; return ``{secret, rotated_until}``.

        Only this answer shows the secret. The old one signs too until ``rotated_until``.

        Args:
            endpoint_id: the endpoint.
            fields: ``secret`` (default: the API makes one), ``overlap_sec`` (default: a day).
        """
        found: JsonObject = self._call("POST", _path(endpoint_id, "rotate-secret"), json=fields)
        return found

    def replay(
        self, endpoint_id: str, since: datetime | str, until: datetime | str | None = None
    ) -> int:
        """Send the skipped and dead webhooks of a time again; return their number.

        Args:
            endpoint_id: the endpoint; it must be enabled.
            since: the start: an aware datetime, or an ISO 8601 text.
            until: the end, as ``since``; default: now.

        Raises:
            ValueError: a datetime has no time zone.
        """
        given = {"since": since, "until": until}
        span = {name: iso(name, value) for name, value in given.items() if value is not None}
        count: int = self._call("POST", _path(endpoint_id, "replay"), json=span)["count"]
        return count

    def test(self, endpoint_id: str) -> JsonObject:
        """Send one event of the phase ``test``; return the webhook with the outcome."""
        found: JsonObject = self._call("POST", _path(endpoint_id, "test"))
        return found

    def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint; its webhooks that are not delivered yet are dropped."""
        self._call("DELETE", _path(endpoint_id))

    def _endpoint(self, method: str, path: str, **options: Any) -> JsonObject:
        found: JsonObject = self._call(method, path, **options)["endpoint"]
        return found


def _path(endpoint_id: str, action: str = "") -> str:
    if not endpoint_id:
        raise ValueError("the id of the endpoint is empty")
    path = f"{ENDPOINTS}/{quote(endpoint_id, safe='')}"
    return f"{path}/{action}" if action else path
