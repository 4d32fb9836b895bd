"""API keys ``sk_<key id>_<secret>``: kept as an HMAC under a pepper, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_common.errors import Forbidden, NotFound, Unauthorized
from secretary_common.models import ADMIN, BOOTSTRAP_ID, ApiKey
from secretary_common.ports import KeyRepository
from secretary_common.runtime.clock import Clock

CACHE_SEC = 5.0
"""How long a key that another process deleted may still open this one."""
_MAX_CACHED = 10_000
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an API key, by its id."""

    key_id: str
    is_admin: bool

    def may_see(self, owner: str) -> bool:
        """Whether what belongs to the key *owner* exists for this one."""
        return self.is_admin or owner == self.key_id

    @property
    def owner_filter(self) -> str | None:
        """The owner a listing is limited to; None: all."""
        return None if self.is_admin else self.key_id

    def require_admin(self) -> None:
        """Let admins pass.

        Raises:
            Forbidden: it is none.
        """
        if not self.is_admin:
            raise Forbidden("this needs an API key with the scope admin")


class Keyring:
    """Tells keys apart, makes them and takes them back."""

    def __init__(
        self, repository: KeyRepository, clock: Clock, *, pepper: str, bootstrap_key: str = ""
    ) -> None:
        """*bootstrap_key*: an admin key that stands in no store; empty: there is none."""
        self._repository = repository
        self._clock = clock
        self._pepper = pepper.encode()
        self._bootstrap_digest = self._digest(bootstrap_key) if bootstrap_key else None
        self._cached: dict[str, tuple[datetime, ApiKey]] = {}

    async def principal(self, token: str) -> Principal:
        """Who presents *token*.

        Raises:
            Unauthorized: it is no key, or one that has expired.
            StoreUnavailable: MongoDB did not answer.
        """
        digest = self._digest(token)
        if self._bootstrap_digest and hmac.compare_digest(digest, self._bootstrap_digest):
            return Principal(BOOTSTRAP_ID, is_admin=True)
        key = await self._known(_key_id_of(token))
        # An unknown id takes the same comparison as a wrong secret.
        matches = hmac.compare_digest(digest, key.digest if key else _NO_DIGEST)
        if not key or not matches or self._has_expired(key):
            raise Unauthorized
        return Principal(key.key_id, is_admin=ADMIN in key.scopes)

    async def create(
        self, name: str, scopes: Sequence[str], expires_at: datetime | None
    ) -> tuple[ApiKey, str]:
        """Make a key; returns it and its text, which nothing shows again."""
        key_id = secrets.token_hex(6)
        token = f"sk_{key_id}_{secrets.token_urlsafe(32)}"
        key = ApiKey(
            key_id=key_id,
            digest=self._digest(token),
            name=name,
            scopes=list(scopes),
            created_at=self._clock.now(),
            expires_at=expires_at,
        )
        await self._repository.insert(key)
        return key, token

    async def all(self) -> list[ApiKey]:
        """Every key, by id."""
        return await self._repository.all()

    async def delete(self, key_id: str) -> None:
        """Take a key back; other processes notice within ``CACHE_SEC``.

        Raises:
            NotFound: there is none.
        """
        self._cached.pop(key_id, None)
        if not await self._repository.delete(key_id):
            raise NotFound(f"there is no key {key_id[:100]}")

    def _digest(self, token: str) -> str:
        return hmac.new(self._pepper, token.encode(), hashlib.sha256).hexdigest()

    def _has_expired(self, key: ApiKey) -> bool:
        return key.expires_at is not None and key.expires_at <= self._clock.now()

    async def _known(self, key_id: str | None) -> ApiKey | None:
        """The key, as it was at most ``CACHE_SEC`` ago. Unknown ids are never remembered."""
        if key_id is None:
            return None
        now = self._clock.now()
        cached = self._cached.get(key_id)
        if cached and abs(now - cached[0]) <= timedelta(seconds=CACHE_SEC):
            return cached[1]
        key = await self._repository.get(key_id)
        if key is None:
            self._cached.pop(key_id, None)
        else:
            if len(self._cached) >= _MAX_CACHED:
                self._cached.clear()
            self._cached[key_id] = (now, key)
        return key


def _key_id_of(token: str) -> str | None:
    prefix, _, rest = token.partition("_")
    key_id, _, secret = rest.partition("_")
    return key_id if prefix == "sk" and key_id and secret else None
