"""The only module that chooses a MongoDB driver: PyMongo's async API by default, Motor on request.

Motor's end of life was 2026-05-14; its makers recommend ``AsyncMongoClient``. Motor runs each
operation in a thread, PyMongo on the caller's loop. The two drivers agree on most calls and differ
on a few, such as ``aggregate``. ``DatabaseClient`` and ``Collection`` hide the differences and
translate errors (``fault.py``), so the other modules work with either driver.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, monitoring
from pymongo.errors import BulkWriteError

from secretary_common.mongo.driver import transaction
from secretary_common.mongo.driver.awaited import awaited
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.driver.connection_state import ConnectionState
from secretary_common.mongo.driver.fault import write_error
from secretary_common.mongo.driver.to_the_end import to_the_end
from secretary_common.mongo.driver.transaction import OPERATION_TIMEOUT_MS
from secretary_common.runtime.metrics import MONGO_FAILURES, MONGO_SECONDS, Children

# Commands do not use the client's codec options.
AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)
CLIENT_OPTIONS: Mapping[str, Any] = {
    "appname": "secretary",
    "connect": False,
    # Without these two, one date beyond Python's years or one broken text fails a whole read.
    "datetime_conversion": "DATETIME_AUTO",
    "unicode_decode_error_handler": "replace",
    "journal": True,
    "readPreference": "primary",
    "serverSelectionTimeoutMS": OPERATION_TIMEOUT_MS,
    "timeoutMS": OPERATION_TIMEOUT_MS,
    "tz_aware": True,
    "w": "majority",
}
WITHOUT_DEADLINE = {**CLIENT_OPTIONS, "timeoutMS": None, "socketTimeoutMS": None}
WAITING = "getMore"
"""The command that waits for changes, so its duration says nothing about MongoDB."""


class CommandTimer(monitoring.CommandListener):
    """Measures each command of a client. The driver calls it from the thread of the command."""

    def __init__(self) -> None:
        self._seconds = Children(MONGO_SECONDS)
        self._failures = Children(MONGO_FAILURES)
        self._total_sec, self._count = 0.0, 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Ignore the start."""

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Record the duration."""
        if event.command_name != WAITING:
            self._observe(event.command_name, event.duration_micros / 1e6)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Record the duration and count the failure."""
        self._observe(event.command_name, event.duration_micros / 1e6)
        self._failures[event.command_name,].inc()

    def _observe(self, command: str, seconds: float) -> None:
        self._seconds[command,].observe(seconds)
        self._total_sec, self._count = self._total_sec + seconds, self._count + 1

    def take_mean_sec(self) -> float:
        """Return the mean duration of the commands since the last call; 0 without any."""
        mean = self._total_sec / self._count if self._count else 0.0
        self._total_sec, self._count = 0.0, 0
        return mean


class DatabaseClient:
    """A connection pool to one database, with Secretary's deadlines and guarantees.

    By default every operation has a deadline of 5 s. A majority acknowledges each write, with its
    journal.
    """

    def __init__(self, url: str, database: str, driver: str, *, deadline: bool = True) -> None:
        """*deadline*: whether operations have a deadline."""
        make: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self._names = (url, database, driver)
        options = CLIENT_OPTIONS if deadline else WITHOUT_DEADLINE
        self.timer = CommandTimer()
        self._raw = make(url, event_listeners=[self.timer], **options)
        self._database = self._raw[database]
        self._usable: dict[str, set[str]] = {}
        self.connection_state = ConnectionState()

    @contextlib.asynccontextmanager
    async def without_deadline(self) -> AsyncIterator[DatabaseClient]:
        """Open a second client of the same database without deadlines; close it at the end."""
        client = DatabaseClient(*self._names, deadline=False)
        try:
            yield client
        finally:
            await client.close()

    def collection(self, name: str) -> Collection:
        """Return the collection *name*."""
        return Collection(
            self._database[name], self._usable.setdefault(name, set()), self.connection_state
        )

    @to_the_end
    async def insert_together(self, documents: Mapping[str, Sequence[Document]]) -> None:
        """Insert documents into several collections in one transaction: all or nothing."""
        starting = self._raw.start_session()
        with self.connection_state.translated_errors(writing=True):
            async with await awaited(starting) as session:
                await transaction.within_deadline(
                    session.with_transaction(functools.partial(self._insert_all, documents))
                )

    async def _insert_all(self, documents: Mapping[str, Sequence[Document]], session: Any) -> None:
        for name, wanted in documents.items():
            try:
                await self._database[name].insert_many(wanted, session=session)
            except BulkWriteError as error:
                raise write_error((error.details or {})["writeErrors"][0]) from error

    @to_the_end
    async def command(self, name: str) -> Document:
        """Run an administrative command without arguments, on the primary."""
        with self.connection_state.translated_errors():
            answer: Document = await self._raw.admin.command(name, codec_options=AWARE)
            return answer

    @to_the_end
    async def statistics(self) -> Document:
        """Return what MongoDB says of the size of the database (``dbStats``)."""
        with self.connection_state.translated_errors():
            answer: Document = await self._database.command("dbStats", codec_options=AWARE)
            return answer

    @to_the_end
    async def drop_database(self) -> None:
        """Remove the database with all its data; for tests."""
        with self.connection_state.translated_errors():
            await self._raw.drop_database(self._database.name)

    @to_the_end
    async def close(self) -> None:
        """Close all connections."""
        await awaited(self._raw.close())
