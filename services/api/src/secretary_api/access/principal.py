"""The API key of a request, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass

from secretary_common.errors import Forbidden
from secretary_common.models import DELIVERIES, NO_LIMITS, READ, SUBMIT, KeyLimits

BOUNDING = frozenset({SUBMIT, READ, DELIVERIES})
"""The scopes that bound a key to a part of what it may do with its own jobs."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The API key that a request presents, by its id."""

    key_id: str
    is_admin: bool
    limits: KeyLimits = NO_LIMITS
    reads_metrics: bool = False
    """Whether the key has the scope ``metrics``."""
    scopes: frozenset[str] = BOUNDING
    """What the key may do with its own jobs, of ``BOUNDING``."""

    def may_see(self, owner: str) -> bool:
        """Return whether this key may see what belongs to the key *owner*."""
        return self.is_admin or owner == self.key_id

    @property
    def owner_filter(self) -> str | None:
        """The only owner that a listing shows; None: all owners."""
        return None if self.is_admin else self.key_id

    def has_scope(self, scope: str) -> bool:
        """Return whether the key may do what *scope* names with its own jobs."""
        return self.is_admin or scope in self.scopes

    def require_scope(self, scope: str) -> None:
        """Check that the key may do what *scope* names with its own jobs.

        Raises:
            Forbidden: the key has other scopes only.
        """
        if not self.has_scope(scope):
            raise Forbidden(f"this needs an API key with the scope {scope}")

    def require_admin(self) -> None:
        """Check that the key is an admin's.

        Raises:
            Forbidden: the key is not an admin's.
        """
        if not self.is_admin:
            raise Forbidden("this needs an API key with the scope admin")

    def require_metrics(self) -> None:
        """Check that the key may read the metrics.

        Raises:
            Forbidden: the key has neither the scope ``metrics`` nor the scope ``admin``.
        """
        if not (self.is_admin or self.reads_metrics):
            raise Forbidden("this needs an API key with the scope metrics or admin")
