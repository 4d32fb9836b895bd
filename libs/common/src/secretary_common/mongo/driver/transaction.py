"""Transactions: several reads and writes of one snapshot that happen all or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pymongo.errors import InvalidOperation, ServerSelectionTimeoutError

from secretary_common.mongo.driver.awaited import awaited
from secretary_common.runtime.lifecycle import cancel_and_wait

T = TypeVar("T")

OPERATION_TIMEOUT_MS = 5_000
_CANCEL_AGAIN_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Transaction:
    """The operations of one transaction on one collection."""

    _raw: Any
    _session: Any
    _usable: Collection[str]
    """The names of the indexes that queries may name."""

    async def enter(self, turnstile: str, name: str) -> None:
        """Let no other transaction that enters *name* overlap with this one.

        Of two that overlap, MongoDB fails one, and the driver repeats it with a new snapshot. Call
        this method first.

        Args:
            turnstile: a collection of its own, which this method writes.
            name: the id of a document in it.
        """
        counters = self._raw.database[turnstile]
        change = {"$inc": {"entered": 1}}
        await counters.update_one({"_id": name}, change, upsert=True, session=self._session)

    async def count(self, query: Mapping[str, Any], limit: int, *, hint: str) -> int:
        """Count the documents that match, at most *limit*; *hint* names the index to use."""
        options = {"hint": hint} if hint in self._usable else {}
        counted = self._raw.count_documents(query, limit=limit, session=self._session, **options)
        return int(await counted)

    async def update_many(self, query: Mapping[str, Any], change: Mapping[str, Any]) -> int:
        """Change every document that matches; return how many matched."""
        result = await self._raw.update_many(query, change, session=self._session)
        return int(result.matched_count)


async def run(raw: Any, usable: Collection[str], work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run *work* in a transaction on the driver's collection *raw*."""
    async with await awaited(raw.database.client.start_session()) as session:
        return await within_deadline(
            session.with_transaction(lambda started: work(Transaction(raw, started, usable)))
        )


async def within_deadline(work: Coroutine[Any, Any, T]) -> T:
    """Await *work* for at most one operation timeout, and about a second for its abort.

    Without this limit, the driver would retry a transaction for two minutes. A single cancellation
    is not enough: the driver may swallow it (``cancel_and_wait``) and go on to retry.
    """
    working = asyncio.create_task(work)
    try:
        await asyncio.wait({working}, timeout=OPERATION_TIMEOUT_MS / 1000)
        late = not working.done()
    finally:
        await cancel_and_wait(working, again_sec=_CANCEL_AGAIN_SEC)
    try:
        return working.result()
    except (asyncio.CancelledError, InvalidOperation):
        # Motor raises InvalidOperation if it is stopped while it aborts the transaction.
        if not late:
            raise
        raise ServerSelectionTimeoutError("the transaction took too long") from None
