"""API keys, for admins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from secretary_client.core.call import Calls, D, returns
from secretary_client.core.effect import Flow
from secretary_client.core.fields import given, path
from secretary_client.models import ApiKey, ChangedKey, KeyCreated, KeyLimits
from secretary_client.paths import KEYS


class Keys(Calls[D]):
    """The API keys; ``Client.keys`` makes it. Only an admin's key may use it."""

    @returns
    def all(self) -> Flow[list[ApiKey]]:
        """Return all keys, without their secrets, with their limits and the figures used."""
        found: list[ApiKey] = (yield from self._requests.data("GET", KEYS))["keys"]
        return found

    @returns
    def create(
        self,
        name: str,
        *,
        scopes: Sequence[str] = (),
        expires_at: datetime | str | None = None,
        limits: KeyLimits | None = None,
    ) -> Flow[KeyCreated]:
        """Create a key; only this answer shows it. If the answer is lost, two keys may exist.

        Args:
            name: a name for listings.
            scopes: ``submit``, ``read``, ``deliveries``, ``metrics``, ``admin``; default: a key
                that works with its own jobs.
            expires_at: an aware datetime, or an ISO 8601 text; default: it does not end.
            limits: bounds for what the key may use.
        """
        fields = given(expires_at=expires_at, limits=limits)
        body = {"name": name, "scopes": list(scopes), **fields}
        return self._requests.data("POST", KEYS, json=body)

    @returns
    def change(self, key_id: str, *, limits: KeyLimits) -> Flow[ChangedKey]:
        """Change the limits that are given; None removes a limit. Return the key."""
        return self._requests.data("PATCH", path(KEYS, key_id), json={"limits": limits})

    @returns
    def delete(self, key_id: str) -> Flow[None]:
        """Delete a key; it stops working everywhere within 5 seconds."""
        yield from self._requests.data("DELETE", path(KEYS, key_id))
