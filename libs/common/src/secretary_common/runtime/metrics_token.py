"""The token with which a monitoring system reads the metrics of every service."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MetricsToken:
    """The token ``security.metrics_token``; it may be empty."""

    token: str = field(repr=False)

    @property
    def is_set(self) -> bool:
        """Whether there is a token. Without one, only API keys read the metrics of the API."""
        return bool(self.token)

    def opens(self, given: str) -> bool:
        """Return whether *given* is the token; never if there is none."""
        return self.is_set and hmac.compare_digest(given.encode(), self.token.encode())

    def admits(self, authorization: str) -> bool:
        """Return whether a request with this header may read: always if there is no token."""
        scheme, _, given = authorization.partition(" ")
        return not self.is_set or (scheme.lower() == "bearer" and self.opens(given))


NO_TOKEN = MetricsToken("")
