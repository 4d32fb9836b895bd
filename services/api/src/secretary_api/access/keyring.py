"""Verifies, creates and deletes API keys: ``sk_<key id>_<secret>``, stored as an HMAC."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from secretary_api.access.principal import BOUNDING, Principal
from secretary_common.errors import NotFound, StoreUnavailable, Unauthorized
from secretary_common.models import (
    ADMIN,
    BOOTSTRAP_ID,
    METRICS,
    NO_LIMITS,
    ApiKey,
    KeyLimits,
)
from secretary_common.ports import KeyRepository
from secretary_common.runtime.clock import Clock
from secretary_common.secrets.pepper import pepper_mark

CACHE_SEC = 5.0
"""This process may accept a key for this long after another process deleted the key."""
FRESH_SEC = 4.0
"""A stream looks at its key again after this time, so that it ends within ``CACHE_SEC``."""
USE_NOTED_EVERY = timedelta(minutes=1)
_MAX_CACHED = 10_000
_NO_DIGEST = "0" * 64
_BOOTSTRAP = Principal(BOOTSTRAP_ID, is_admin=True)


@dataclass(frozen=True, slots=True)
class _Known:
    """A key as it was at ``read_at``."""

    key: ApiKey
    principal: Principal
    read_at: datetime


class Keyring:
    """Verifies, creates and deletes API keys."""

    def __init__(
        self, repository: KeyRepository, clock: Clock, *, pepper: str, bootstrap_key: str = ""
    ) -> None:
        """*bootstrap_key*: an admin key that is not in the store; empty: none."""
        self._repository = repository
        self._clock = clock
        self._pepper = pepper.encode()
        self._pepper_mark = pepper_mark(pepper)
        self._bootstrap_digest = self._digest(bootstrap_key) if bootstrap_key else None
        self._used: dict[str, datetime] = {}
        self._cached: dict[str, _Known] = {}

    async def principal(self, token: str) -> Principal:
        """Return the principal of *token*.

        Raises:
            Unauthorized: *token* is not a known key, or the key has expired.
            StoreUnavailable: MongoDB did not answer.
        """
        digest = self._digest(token)
        if self._bootstrap_digest and hmac.compare_digest(digest, self._bootstrap_digest):
            return _BOOTSTRAP
        now = self._clock.now()
        known = await self._known(_key_id_of(token), now)
        # In constant time. An unknown id takes the same comparison as a wrong secret.
        matches = hmac.compare_digest(digest, known.key.digest if known else _NO_DIGEST)
        if not known or not matches or self._has_expired(known.key):
            raise Unauthorized
        await self._note_use(known.key, now)
        return known.principal

    async def holder(self, key_id: str) -> tuple[Principal, str]:
        """Return the principal of a key that has signed in before, and the digest of the key.

        Raises:
            Unauthorized: the key was deleted, or has expired.
            StoreUnavailable: MongoDB did not answer.
        """
        if key_id == BOOTSTRAP_ID:
            if not self._bootstrap_digest:
                raise Unauthorized
            return _BOOTSTRAP, self._bootstrap_digest
        now = self._clock.now()
        known = await self._known(key_id, now, FRESH_SEC)
        if known is None or self._has_expired(known.key):
            raise Unauthorized
        await self._note_use(known.key, now)
        return known.principal, known.key.digest

    async def name_of(self, key_id: str) -> str:
        """Return the name of a key; the bootstrap key and unknown keys are named by their id.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        known = await self._known(key_id, self._clock.now())
        return known.key.name if known else key_id

    async def _note_use(self, key: ApiKey, now: datetime) -> None:
        """Record the use of *key*, about once a minute in each process."""
        last = self._used.get(key.key_id, key.last_used_at)
        if last is not None and abs(now - last) < USE_NOTED_EVERY:
            return
        if len(self._used) >= _MAX_CACHED:
            self._used.clear()
        self._used[key.key_id] = now
        with suppress(StoreUnavailable):  # the request is allowed nevertheless
            await self._repository.touch(key.key_id, now)

    async def is_valid(self, key_id: str) -> bool:
        """Return whether a key that began a request still exists, and has not expired.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        if key_id == BOOTSTRAP_ID and self._bootstrap_digest:
            return True
        known = await self._known(key_id, self._clock.now(), FRESH_SEC)
        return known is not None and not self._has_expired(known.key)

    async def create(
        self,
        name: str,
        scopes: Sequence[str],
        expires_at: datetime | None,
        limits: KeyLimits = NO_LIMITS,
    ) -> tuple[ApiKey, str]:
        """Create a key; return the key and its text, of which only a digest is stored."""
        key_id = secrets.token_hex(6)
        token = f"sk_{key_id}_{secrets.token_urlsafe(32)}"
        key = ApiKey(
            key_id=key_id,
            digest=self._digest(token),
            name=name,
            scopes=list(scopes),
            created_at=self._clock.now(),
            expires_at=expires_at,
            limits=limits,
            pepper_mark=self._pepper_mark,
        )
        await self._repository.insert(key)
        return key, token

    async def all(self) -> list[ApiKey]:
        """Return every key, by id."""
        return await self._repository.all()

    async def change_limits(self, key_id: str, changes: dict[str, Any]) -> ApiKey:
        """Replace those limits of a key that *changes* names; return the key.

        Other processes know the new limits within ``CACHE_SEC``.

        Raises:
            NotFound: there is no such key.
        """
        key = await self._repository.change_limits(key_id, changes)
        self._cached.pop(key_id, None)
        if key is None:
            raise NotFound(f"there is no key {key_id[:100]}")
        return key

    async def delete(self, key_id: str) -> None:
        """Delete a key; other processes refuse it within ``CACHE_SEC``.

        Raises:
            NotFound: there is no such key.
        """
        self._cached.pop(key_id, None)
        if not await self._repository.delete(key_id):
            raise NotFound(f"there is no key {key_id[:100]}")

    def _digest(self, token: str) -> str:
        return hmac.digest(self._pepper, token.encode(), "sha256").hex()

    def _has_expired(self, key: ApiKey) -> bool:
        return key.expires_at is not None and key.expires_at <= self._clock.now()

    async def _known(
        self, key_id: str | None, now: datetime, age_sec: float = CACHE_SEC
    ) -> _Known | None:
        """Return the key as it was at most *age_sec* before *now*; unknown ids are not cached."""
        if key_id is None:
            return None
        cached = self._cached.get(key_id)
        if cached and abs((now - cached.read_at).total_seconds()) <= age_sec:
            return cached
        key = await self._repository.get(key_id)
        if key is None:
            self._cached.pop(key_id, None)
            return None
        if len(self._cached) >= _MAX_CACHED:
            self._cached.clear()
        known = self._cached[key_id] = _Known(key, _principal_of(key), now)
        return known


def _principal_of(key: ApiKey) -> Principal:
    return Principal(
        key.key_id,
        is_admin=ADMIN in key.scopes,
        limits=key.limits,
        reads_metrics=METRICS in key.scopes,
        scopes=BOUNDING.intersection(key.scopes) or BOUNDING,
    )


def _key_id_of(token: str) -> str | None:
    prefix, _, rest = token.partition("_")
    key_id, _, secret = rest.partition("_")
    return key_id if prefix == "sk" and key_id and secret else None
