"""The only module that names a MongoDB driver: Motor by default, PyMongo's async API on request.

Motor's end of life was 2026-05-14; its makers recommend ``AsyncMongoClient``. The two drivers agree
on most calls and differ on ``aggregate`` and ``close``. This adapter hides the differences and
translates errors (``fault.py``), so no other module needs to know which driver runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    InvalidOperation,
    OperationFailure,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern

from secretary_common.errors import NotStorable
from secretary_common.mongo.fault import (
    errors_of,
    is_missing_hint,
    translated_errors,
    write_error,
)

Document = dict[str, Any]
Query = Mapping[str, Any]
Update = tuple[Document, Document]
"""A query for one document, and its change."""
Sort = Sequence[tuple[str, int]]

OPERATION_TIMEOUT_MS = 5_000
LARGEST_DOCUMENT_BYTES = 16 * 2**20

# Commands do not use the client's codec options.
AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)
CLIENT_OPTIONS: Mapping[str, Any] = {
    "appname": "secretary",
    "connect": False,
    "journal": True,
    "readPreference": "primary",
    "serverSelectionTimeoutMS": OPERATION_TIMEOUT_MS,
    "timeoutMS": OPERATION_TIMEOUT_MS,
    "tz_aware": True,
    "w": "majority",
}
WITHOUT_DEADLINE = {**CLIENT_OPTIONS, "timeoutMS": None, "socketTimeoutMS": None}


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """The result of a group of updates."""

    matched: int
    """The number of updates that found their document."""
    errors: Mapping[int, Exception]
    """The errors of single updates, by their index in the group."""


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """The result of an update."""

    matched: int
    modified: int
    upserted: bool


class Collection:
    """One collection. Every method raises the errors of ``translated_errors``.

    ``DuplicateKeyError`` passes through, because callers treat it as an answer.
    """

    def __init__(self, raw: Any, usable_indexes: set[str]) -> None:
        """*usable_indexes*: shared by all objects for this collection of one client."""
        self._raw = raw
        self._usable = usable_indexes

    async def insert_one(self, document: Document) -> None:
        """Insert *document*."""
        with translated_errors():
            await self._raw.insert_one(document)

    async def insert_many(self, documents: Sequence[Document]) -> None:
        """Insert all *documents*; one that fails does not stop the others."""
        with translated_errors():
            await self._raw.insert_many(documents, ordered=False)

    async def insert_each(self, documents: Sequence[Document]) -> dict[int, Exception]:
        """Insert *documents* in one write; return the errors of single documents, by index."""
        encoded, errors = _encoded(documents)
        with translated_errors():
            try:
                if encoded:
                    await self._raw.insert_many(list(encoded.values()), ordered=False)
            except BulkWriteError as error:
                errors |= errors_of(error, list(encoded))
        return errors

    async def update_each(self, updates: Sequence[Update], *, upsert: bool = False) -> BulkOutcome:
        """Make *updates*, one document each, in one write; *upsert* inserts missing documents."""
        encoded, errors = _encoded([{"q": query, "u": change} for query, change in updates])
        places = list(encoded)
        matched = 0
        with translated_errors():
            try:
                if places:
                    done = await self._raw.bulk_write(
                        [UpdateOne(*updates[place], upsert=upsert) for place in places],
                        ordered=False,
                    )
                    matched = done.matched_count
            except BulkWriteError as error:
                errors |= errors_of(error, places)
                matched = (error.details or {}).get("nMatched", 0)
        return BulkOutcome(matched, errors)

    async def find_one(
        self, query: Query, *, projection: Any = None, sort: Sort | None = None
    ) -> Document | None:
        """Return the first document that matches."""
        with translated_errors():
            found: Document | None = await self._raw.find_one(query, projection, sort=sort)
            return found

    async def find_one_confirmed(self, query: Query) -> Document | None:
        """Return the first document that matches, once a majority has it (linearizable)."""
        with translated_errors():
            confirmed = self._raw.with_options(read_concern=ReadConcern("linearizable"))
            found: Document | None = await confirmed.find_one(query)
            return found

    async def find(
        self,
        query: Query,
        *,
        projection: Any = None,
        sort: Sort | None = None,
        limit: int = 0,
        hint: str | None = None,
    ) -> list[Document]:
        """Return the documents that match.

        Args:
            query: what the documents match.
            projection: the fields to return; None: all.
            sort: the order.
            limit: the largest number of documents; 0: all.
            hint: the name of the index to use. It is used only while the index is known to be as
                Secretary defines it: MongoDB returns too few documents for another partial index.
        """
        wanted = functools.partial(self._raw.find, query, projection, sort=sort, limit=limit)
        with translated_errors():
            if hint not in self._usable:
                return await _all(wanted())
            try:
                return await _all(wanted(hint=hint))
            except OperationFailure as error:
                if not is_missing_hint(error):
                    raise
                return await _all(wanted())

    async def update_one(
        self, query: Query, change: Query, *, upsert: bool = False
    ) -> UpdateOutcome:
        """Change the first document that matches."""
        with translated_errors():
            result = await self._raw.update_one(query, change, upsert=upsert)
        return UpdateOutcome(
            result.matched_count, result.modified_count, result.upserted_id is not None
        )

    async def update_many(self, query: Query, change: Query) -> UpdateOutcome:
        """Change every document that matches."""
        with translated_errors():
            result = await self._raw.update_many(query, change)
        return UpdateOutcome(result.matched_count, result.modified_count, upserted=False)

    async def find_one_and_update(
        self, query: Query, change: Query, *, projection: Any = None, sort: Sort | None = None
    ) -> Document | None:
        """Change the first document that matches and return its new version."""
        with translated_errors():
            found: Document | None = await self._raw.find_one_and_update(
                query,
                change,
                projection=projection,
                sort=sort,
                return_document=ReturnDocument.AFTER,
            )
            return found

    async def delete_many(self, query: Query) -> int:
        """Delete every document that matches; return how many were deleted."""
        with translated_errors():
            result = await self._raw.delete_many(query)
        return int(result.deleted_count)

    async def count(self, query: Query) -> int:
        """Count the documents that match, all at one moment."""
        with translated_errors():
            return int(await self._at_one_moment().count_documents(query))

    def _at_one_moment(self) -> Any:
        """Return the collection as of one moment: a document that changes meanwhile counts once."""
        return self._raw.with_options(read_concern=ReadConcern("snapshot"))

    async def distinct(self, field: str, query: Query) -> list[Any]:
        """Return the values of *field* in the documents that match, each once, in no order."""
        with translated_errors():
            found: list[Any] = await self._raw.distinct(field, query)
            return found

    async def aggregate(self, pipeline: Sequence[Document]) -> list[Document]:
        """Return the results of *pipeline*, all of one moment."""
        with translated_errors():
            cursor = self._at_one_moment().aggregate(pipeline)
            if inspect.isawaitable(cursor):  # PyMongo's async API
                cursor = await cursor
            found: list[Document] = await cursor.to_list(None)
            return found

    async def list_indexes(self) -> list[Document]:
        """Return the collection's indexes, also those that are being built; none without it."""
        with translated_errors():
            cursor = self._raw.list_indexes()
            if inspect.isawaitable(cursor):  # PyMongo's own API
                cursor = await cursor
            return await _all(cursor)

    async def create_index(self, index: IndexModel) -> None:
        """Build *index* unless it exists. Waits for the same build of another client.

        Raises:
            OperationFailure: MongoDB refuses it, e.g. because another index has its name.
        """
        with translated_errors():
            # By default all members must be ready: a member that is down would block the build.
            await self._raw.create_indexes([index], commitQuorum="majority")

    def use_indexes(self, names: Iterable[str]) -> None:
        """Let queries name these indexes, which are as Secretary defines them, and no others."""
        self._usable.clear()
        self._usable.update(names)


async def _all(cursor: Any) -> list[Document]:
    found: list[Document] = await cursor.to_list(None)
    return found


async def _within_deadline(work: Awaitable[Any]) -> None:
    """Await *work* for at most one operation timeout.

    The driver would retry a transaction for two minutes.
    """
    limit = asyncio.timeout(OPERATION_TIMEOUT_MS / 1000)
    try:
        async with limit:
            await work
    except (TimeoutError, InvalidOperation):
        # Motor raises InvalidOperation if it is stopped while it aborts the transaction.
        if not limit.expired():
            raise
        raise ServerSelectionTimeoutError("the transaction took too long") from None


def _encoded(
    documents: Sequence[Document],
) -> tuple[dict[int, RawBSONDocument], dict[int, Exception]]:
    """Encode each of *documents* as BSON by itself, so that a bad one does not fail the others."""
    encoded: dict[int, RawBSONDocument] = {}
    errors: dict[int, Exception] = {}
    for place, document in enumerate(documents):
        try:
            with translated_errors():
                raw = bson.encode(document)
        except NotStorable as error:
            errors[place] = error
            continue
        if len(raw) > LARGEST_DOCUMENT_BYTES:
            errors[place] = NotStorable("the document is larger than 16 MB")
        else:
            encoded[place] = RawBSONDocument(raw)
    return encoded, errors


class Client:
    """A connection pool to one database, with Secretary's deadlines and guarantees.

    Every operation has 5 s. A write is acknowledged by a majority, with its journal.
    """

    def __init__(self, url: str, database: str, driver: str, *, deadline: bool = True) -> None:
        """*deadline*: whether each operation has 5 s; otherwise it takes as long as it needs."""
        make: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self._names = (url, database, driver)
        self._raw = make(url, **(CLIENT_OPTIONS if deadline else WITHOUT_DEADLINE))
        self._database = self._raw[database]
        self._usable: dict[str, set[str]] = {}

    @contextlib.asynccontextmanager
    async def without_deadline(self) -> AsyncIterator[Client]:
        """Open a second client of the same database without deadlines; close it at the end."""
        client = Client(*self._names, deadline=False)
        try:
            yield client
        finally:
            await client.close()

    def collection(self, name: str) -> Collection:
        """Return the collection *name*."""
        return Collection(self._database[name], self._usable.setdefault(name, set()))

    async def insert_together(self, documents: Mapping[str, Sequence[Document]]) -> None:
        """Insert documents into several collections in one transaction: all or nothing."""
        starting = self._raw.start_session()
        with translated_errors():
            session = await starting if inspect.isawaitable(starting) else starting
            async with session:
                await _within_deadline(
                    session.with_transaction(functools.partial(self._insert_all, documents))
                )

    async def _insert_all(self, documents: Mapping[str, Sequence[Document]], session: Any) -> None:
        for name, wanted in documents.items():
            try:
                await self._database[name].insert_many(wanted, session=session)
            except BulkWriteError as error:
                raise write_error((error.details or {})["writeErrors"][0]) from error

    async def command(self, name: str) -> Document:
        """Run an administrative command without arguments, on the primary."""
        with translated_errors():
            answer: Document = await self._raw.admin.command(name, codec_options=AWARE)
            return answer

    async def drop_database(self) -> None:
        """Remove the database with all its data; for tests."""
        with translated_errors():
            await self._raw.drop_database(self._database.name)

    async def close(self) -> None:
        """Close all connections."""
        closing = self._raw.close()
        if inspect.isawaitable(closing):  # PyMongo's async API
            await closing
