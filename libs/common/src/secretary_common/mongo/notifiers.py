"""The notifiers that are alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from secretary_common.mongo.driver import Client

FORGOTTEN_AFTER_SEC = 3600
INDEXES: Sequence[IndexModel] = (
    IndexModel([("seen_at", ASCENDING)], name="last_seen", expireAfterSeconds=FORGOTTEN_AFTER_SEC),
)


class MongoNotifierRepository:
    """MongoDB repository of notifiers (``ports.NotifierRepository``)."""

    def __init__(self, client: Client) -> None:
        self._notifiers = client.collection("notifiers")

    async def report(self, owner: str, now: datetime, facts: Mapping[str, object]) -> None:
        """Note that the notifier *owner* is alive; *facts* tell what it is doing."""
        change = {"$set": {**facts, "seen_at": now}}
        await self._notifiers.update_one({"_id": owner}, change, upsert=True)

    async def leave(self, owner: str) -> None:
        """Note that the notifier *owner* stops."""
        await self._notifiers.delete_many({"_id": owner})

    async def any_alive(self, since: datetime) -> bool:
        """Whether any has reported at *since* or later."""
        found = await self._notifiers.find_one({"seen_at": {"$gte": since}}, projection=["_id"])
        return found is not None
