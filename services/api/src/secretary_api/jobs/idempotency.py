"""``Idempotency-Key``: a submission that is repeated under its key creates no second job or batch.

The job or batch itself carries the key, which is unique for its owner. So one insert decides among
any number of repeats. A key counts for 48 h, also after its job was deleted or has expired: then
the deleted job, or what the sweeper left of it, still carries the key. After that, the next
submission with the same key takes it over.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from secretary_api.http.errors import refused_fields
from secretary_common.errors import IdempotencyKeyReused, KeyInUse, StoreUnavailable
from secretary_common.models import KEY_KEPT, Idempotency, JsonObject

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# The second insert follows the release of an old key. The third covers a lost race for that key.
_INSERTS = 3


def submitted_headers(path: str, *, repeated: bool) -> dict[str, str]:
    """Return the headers of the answer to a submission that made or repeats the item at *path*."""
    return {"Location": path} | ({REPLAYED: "true"} if repeated else {})


class Keyed(Protocol):
    """A job or a batch, which may carry a key."""

    @property
    def owner(self) -> str:
        """The id of the API key that owns the job or batch."""
        ...

    @property
    def idempotency(self) -> Idempotency | None:
        """The mark with the key; None without a key."""
        ...


K = TypeVar("K", bound=Keyed)


class KeyedStore(Protocol[K]):
    """The repository of jobs or batches that may carry a key."""

    async def find_by_key(self, owner: str, key: str) -> K | None:
        """Return the job or batch with *key*, as a majority of MongoDB's members has it."""
        ...

    async def release_key(self, keyed: K, /) -> None:
        """Free the key of *keyed* if the stored mark is still the mark of *keyed*."""
        ...


@dataclass(frozen=True, slots=True)
class IdempotencyMarker:
    """Makes the mark of a submission: its key, and an HMAC of its body."""

    pepper: str

    def mark(self, key: str | None, body: JsonObject, now: datetime) -> Idempotency | None:
        """Return the mark of *body* under the header *key*; None without the header.

        Raises:
            InvalidRequest: the key is not 1 to 255 printable ASCII characters.
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
    """Insert *wanted* unless its key made an item before; return the item, and whether it existed.

    Raises:
        IdempotencyKeyReused: another body came with the same key.
        StoreUnavailable: *wanted* may be stored nevertheless.
    """
    for _ in range(_INSERTS):
        try:
            await insert()
        except KeyInUse:
            found = await existing(wanted, store)
            if found is not None:
                return found, True
        else:
            return wanted, False
    raise StoreUnavailable("other requests are using the idempotency key", retry_after=1.0)


async def existing(wanted: K, store: KeyedStore[K]) -> K | None:
    """Return the item that *wanted* repeats; None if its key is free now."""
    mark = wanted.idempotency
    found = await store.find_by_key(wanted.owner, mark.key) if mark else None
    if mark is None or found is None or found.idempotency is None:
        return None
    if mark.at - found.idempotency.at >= KEY_KEPT:
        await store.release_key(found)
        return None
    if not hmac.compare_digest(mark.body_hmac, found.idempotency.body_hmac):
        raise IdempotencyKeyReused
    return found
