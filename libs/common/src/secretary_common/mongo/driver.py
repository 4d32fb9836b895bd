"""The one module that names a MongoDB driver: Motor by default, PyMongo's own async API on request.

Motor's end of life was 2026-05-14 and its makers point to ``AsyncMongoClient``; the two agree on
most calls and differ on ``aggregate`` and ``close``, which this adapter evens out; what goes wrong
is told in our own words (``fault.py``). So nobody above needs to know which driver runs.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Mapping, Sequence
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
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern

from secretary_common.errors import NotStorable
from secretary_common.mongo.fault import errors_of, translated_errors, write_error

Document = dict[str, Any]
Query = Mapping[str, Any]
Update = tuple[Document, Document]
"""Which document, and how it changes."""
Sort = Sequence[tuple[str, int]]

OPERATION_TIMEOUT_MS = 5_000
LARGEST_DOCUMENT_BYTES = 16 * 2**20

# Commands do not take the client's own codec options.
AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)
CLIENT_OPTIONS: Mapping[str, Any] = {
    "appname": "secretary",
    "connect": False,
    "journal": True,
    "serverSelectionTimeoutMS": OPERATION_TIMEOUT_MS,
    "timeoutMS": OPERATION_TIMEOUT_MS,
    "tz_aware": True,
    "w": "majority",
}


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What a group of updates did."""

    matched: int
    """How many of them found their document."""
    errors: Mapping[int, Exception]
    """What some failed of, by their place in the group."""


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """What an update did."""

    matched: int
    modified: int
    upserted: bool


class Collection:
    """One collection; every method raises as ``translated_errors`` says.

    ``DuplicateKeyError`` passes through: it is an answer, not a failure.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    async def insert_one(self, document: Document) -> None:
        """Insert *document*."""
        with translated_errors():
            await self._raw.insert_one(document)

    async def insert_many(self, documents: Sequence[Document]) -> None:
        """Insert all *documents*, going on past one that fails."""
        with translated_errors():
            await self._raw.insert_many(documents, ordered=False)

    async def insert_each(self, documents: Sequence[Document]) -> dict[int, Exception]:
        """Insert *documents* in one write; what some failed of, by their place."""
        encoded, errors = _encoded(documents)
        with translated_errors():
            try:
                if encoded:
                    await self._raw.insert_many(list(encoded.values()), ordered=False)
            except BulkWriteError as error:
                errors |= errors_of(error, list(encoded))
        return errors

    async def update_each(self, updates: Sequence[Update], *, upsert: bool = False) -> BulkOutcome:
        """Make *updates*, each of one document, in one write; *upsert*: it need not be there."""
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
        """The first document that matches."""
        with translated_errors():
            found: Document | None = await self._raw.find_one(query, projection, sort=sort)
            return found

    async def find_one_confirmed(self, query: Query) -> Document | None:
        """The first document that matches, no sooner than a majority has it (linearizable)."""
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
        """The documents that match; *limit* 0 means all, *hint* names the index to use."""
        with translated_errors():
            cursor = self._raw.find(query, projection, sort=sort, limit=limit, hint=hint)
            found: list[Document] = await cursor.to_list(None)
            return found

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
        """Change the first document that matches and return it as it is afterwards."""
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
        """Delete every document that matches; returns how many."""
        with translated_errors():
            result = await self._raw.delete_many(query)
        return int(result.deleted_count)

    async def count(self, query: Query) -> int:
        """How many documents match, all at one moment."""
        with translated_errors():
            return int(await self._at_one_moment().count_documents(query))

    def _at_one_moment(self) -> Any:
        """The collection as it stood at one moment: what moves meanwhile is seen once."""
        return self._raw.with_options(read_concern=ReadConcern("snapshot"))

    async def distinct(self, field: str, query: Query) -> list[Any]:
        """The values *field* has in the documents that match, each once, in no order."""
        with translated_errors():
            found: list[Any] = await self._raw.distinct(field, query)
            return found

    async def aggregate(self, pipeline: Sequence[Document]) -> list[Document]:
        """What *pipeline* gives, all of it at one moment."""
        with translated_errors():
            cursor = self._at_one_moment().aggregate(pipeline)
            if inspect.isawaitable(cursor):  # PyMongo's own API
                cursor = await cursor
            found: list[Document] = await cursor.to_list(None)
            return found

    async def create_indexes(self, indexes: Sequence[IndexModel]) -> None:
        """Make indexes that are missing."""
        with translated_errors():
            await self._raw.create_indexes(list(indexes))


async def _within_deadline(work: Awaitable[Any]) -> None:
    """A transaction is tried again for two minutes; nobody here waits so long."""
    limit = asyncio.timeout(OPERATION_TIMEOUT_MS / 1000)
    try:
        async with limit:
            await work
    except (TimeoutError, InvalidOperation):
        # Motor, stopped while it aborts the transaction, aborts it a second time.
        if not limit.expired():
            raise
        raise ServerSelectionTimeoutError("the transaction took too long") from None


def _encoded(
    documents: Sequence[Document],
) -> tuple[dict[int, RawBSONDocument], dict[int, Exception]]:
    """*documents* as BSON, each by itself, so that one that cannot be does not fail the others."""
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
            errors[place] = NotStorable("this is larger than a document may be (16 MB)")
        else:
            encoded[place] = RawBSONDocument(raw)
    return encoded, errors


class Client:
    """A connection pool to one database, with the deadlines and guarantees all of Secretary uses.

    Every operation has 5 s; a write is acknowledged by a majority with its journal.
    """

    def __init__(self, url: str, database: str, driver: str) -> None:
        make: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self._raw = make(url, **CLIENT_OPTIONS)
        self._database = self._raw[database]

    def collection(self, name: str) -> Collection:
        """The collection *name*."""
        return Collection(self._database[name])

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
        """Remove the database and all in it; for tests."""
        with translated_errors():
            await self._raw.drop_database(self._database.name)

    async def close(self) -> None:
        """Give up all connections."""
        closing = self._raw.close()
        if inspect.isawaitable(closing):  # PyMongo's own API
            await closing
