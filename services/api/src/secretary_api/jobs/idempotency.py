"""``Idempotency-Key``: a submission that is repeated under its key makes nothing new.

The key stands on what it made, unique with the owner, so one insert decides among any number of
repeats. It counts for 48 h; what is older gives it up to the next one that brings it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from secretary_api.http.errors import refused_fields
from secretary_common.errors import IdempotencyKeyReused, KeyInUse, StoreUnavailable
from secretary_common.models import Idempotency, JsonObject

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT = timedelta(hours=48)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# The second insert follows a key that was given up; a third would be a race of that, once more.
_INSERTS = 3


class Keyed(Protocol):
    """What may stand under a key."""

    @property
    def owner(self) -> str:
        """Whose it is."""
        ...

    @property
    def idempotency(self) -> Idempotency | None:
        """The key, if it has one."""
        ...


K = TypeVar("K", bound=Keyed)


class KeyedStore(Protocol[K]):
    """Where it lies."""

    async def find_by_key(self, owner: str, key: str) -> K | None:
        """What stands under a key, once a majority has it."""
        ...

    async def release_key(self, keyed: K, /) -> None:
        """Free the key of *keyed*, as it was read."""
        ...


@dataclass(frozen=True, slots=True)
class IdempotencyMarker:
    """Makes the mark of a submission."""

    pepper: str

    def mark(self, key: str | None, body: JsonObject, now: datetime) -> Idempotency | None:
        """The mark of *body* under the header *key*; None without one.

        Raises:
            InvalidRequest: the key is no 1 to 255 printable ASCII characters.
        """
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            raise refused_fields(
                (HEADER, "must be 1 to 255 printable ASCII characters without a space")
            )
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        digest = hmac.new(self.pepper.encode(), canonical, hashlib.sha256)
        return Idempotency(key=key, body_hmac=digest.hexdigest(), at=now)


async def insert_once(
    wanted: K, store: KeyedStore[K], insert: Callable[[], Awaitable[None]]
) -> tuple[K, bool]:
    """Insert *wanted*, or find what its key made before; and whether it was found.

    Raises:
        IdempotencyKeyReused: the key came with another body.
        StoreUnavailable: it may be stored all the same.
    """
    for _ in range(_INSERTS):
        try:
            await insert()
        except KeyInUse:
            found = await _found(wanted, store)
            if found is not None:
                return found, True
        else:
            return wanted, False
    raise StoreUnavailable("the idempotency key is being used by others", retry_after=1.0)


async def _found(wanted: K, store: KeyedStore[K]) -> K | None:
    """What *wanted* repeats; None if its key is free by now."""
    mark = wanted.idempotency
    found = await store.find_by_key(wanted.owner, mark.key) if mark else None
    if mark is None or found is None or found.idempotency is None:
        return None
    if mark.at - found.idempotency.at >= KEPT:
        await store.release_key(found)
        return None
    if not hmac.compare_digest(mark.body_hmac, found.idempotency.body_hmac):
        raise IdempotencyKeyReused
    return found
