"""One collection of MongoDB: its methods hide which driver is used and raise Secretary's errors."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from bson import Timestamp
from pymongo import IndexModel, ReturnDocument, UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure
from pymongo.read_concern import ReadConcern

from secretary_common.mongo.driver import transaction
from secretary_common.mongo.driver.awaited import awaited
from secretary_common.mongo.driver.changes import Changes
from secretary_common.mongo.driver.connection_state import ConnectionState
from secretary_common.mongo.driver.fault import is_missing_hint
from secretary_common.mongo.driver.to_the_end import to_the_end
from secretary_common.mongo.driver.transaction import Transaction
from secretary_common.mongo.driver.write_group import BulkOutcome, WriteGroup

T = TypeVar("T")

Document = dict[str, Any]
Query = Mapping[str, Any]
Update = tuple[Document, Document]
"""A query for one document, and the change of that document."""
Sort = Sequence[tuple[str, int]]

BY_ID = "_id_"
"""The name of the index by ``_id``, which every collection has."""


class Collection:
    """One collection. Its operations raise the errors of ``fault.translated_errors``.

    ``DuplicateKeyError`` passes through, because callers treat it as an answer.
    """

    def __init__(
        self, raw: Any, usable_indexes: set[str], connection_state: ConnectionState
    ) -> None:
        """*usable_indexes* is shared by all objects of this collection and client."""
        self._raw = raw
        self._usable = usable_indexes
        self._connection_state = connection_state

    @to_the_end
    async def insert_one(self, document: Document) -> None:
        """Insert *document*."""
        with self._connection_state.translated_errors(writing=True):
            await self._raw.insert_one(document)

    @to_the_end
    async def insert_many(self, documents: Sequence[Document]) -> None:
        """Insert all *documents*; one that fails does not stop the others."""
        with self._connection_state.translated_errors(writing=True):
            await self._raw.insert_many(documents, ordered=False)

    @to_the_end
    async def insert_each(self, documents: Sequence[Document]) -> dict[int, Exception]:
        """Insert *documents* in one write; return the errors of single documents, by index."""
        group = WriteGroup(documents)
        with self._connection_state.translated_errors(writing=True):
            try:
                if group.encoded:
                    await self._raw.insert_many(group.encoded, ordered=False)
            except BulkWriteError as error:
                group.note(error)
        return group.errors

    async def update_each(self, updates: Sequence[Update], *, upsert: bool = False) -> BulkOutcome:
        """Apply *updates*, one document each, in one write; *upsert* inserts missing documents."""
        return await self._update_each(UpdateOne, updates, upsert=upsert)

    async def update_sets(self, updates: Sequence[Update]) -> BulkOutcome:
        """Apply *updates* in one write, each to all documents that its query matches."""
        return await self._update_each(UpdateMany, updates, upsert=False)

    @to_the_end
    async def _update_each(
        self,
        operation: type[UpdateOne | UpdateMany],
        updates: Sequence[Update],
        *,
        upsert: bool,
    ) -> BulkOutcome:
        group = WriteGroup([{"q": query, "u": change} for query, change in updates])
        matched = 0
        with self._connection_state.translated_errors(writing=True):
            try:
                if group.places:
                    done = await self._raw.bulk_write(
                        [operation(*updates[place], upsert=upsert) for place in group.places],
                        ordered=False,
                    )
                    matched = done.matched_count
            except BulkWriteError as error:
                matched = group.note(error)
        return BulkOutcome(matched, group.errors)

    @to_the_end
    async def find_one(
        self, query: Query, *, projection: Any = None, sort: Sort | None = None
    ) -> Document | None:
        """Return the first document that matches."""
        with self._connection_state.translated_errors():
            found: Document | None = await self._raw.find_one(query, projection, sort=sort)
            return found

    @to_the_end
    async def find_one_confirmed(self, query: Query) -> Document | None:
        """Return the first document that matches, once a majority has it (linearizable)."""
        with self._connection_state.translated_errors():
            confirmed = self._raw.with_options(read_concern=ReadConcern("linearizable"))
            found: Document | None = await confirmed.find_one(query)
            return found

    @to_the_end
    async def find(
        self,
        query: Query,
        *,
        projection: Any = None,
        sort: Sort | None = None,
        skip: int = 0,
        limit: int = 0,
        hint: str | None = None,
    ) -> list[Document]:
        """Return the documents that match.

        Args:
            query: the filter.
            projection: the fields to return; None: all.
            sort: the order.
            skip: the number of documents to leave out.
            limit: the largest number of documents; 0: all.
            hint: the name of the index to use. The query names the index only while the index is
                known to match Secretary's definition. MongoDB would find too few documents with
                another partial index.
        """
        wanted = functools.partial(
            self._raw.find,
            query,
            projection,
            sort=sort,
            skip=skip,
            limit=limit,
            batch_size=limit,  # else MongoDB gives the first 101 and waits for another command
        )
        with self._connection_state.translated_errors():
            if hint != BY_ID and hint not in self._usable:
                return await _all(wanted())
            try:
                return await _all(wanted(hint=hint))
            except OperationFailure as error:
                if not is_missing_hint(error):
                    raise
                return await _all(wanted())

    @to_the_end
    async def update_one(self, query: Query, change: Query, *, upsert: bool = False) -> int:
        """Change the first document that matches; return how many matched, 0 or 1."""
        with self._connection_state.translated_errors(writing=True):
            done = await self._raw.update_one(query, change, upsert=upsert)
        return int(done.matched_count)

    @to_the_end
    async def update_many(self, query: Query, change: Query, *, hint: str | None = None) -> int:
        """Change every document that matches; return how many matched.

        *hint* names the index to use.
        """
        with self._connection_state.translated_errors(writing=True):
            done = await self._raw.update_many(query, change, hint=hint)
        return int(done.matched_count)

    @to_the_end
    async def find_one_and_update(
        self, query: Query, change: Query, *, projection: Any = None, sort: Sort | None = None
    ) -> Document | None:
        """Change the first document that matches and return its new version."""
        with self._connection_state.translated_errors(writing=True):
            found: Document | None = await self._raw.find_one_and_update(
                query,
                change,
                projection=projection,
                sort=sort,
                return_document=ReturnDocument.AFTER,
            )
            return found

    @to_the_end
    async def delete_many(self, query: Query) -> int:
        """Delete every document that matches; return how many were deleted."""
        with self._connection_state.translated_errors(writing=True):
            result = await self._raw.delete_many(query)
        return int(result.deleted_count)

    @to_the_end
    async def in_transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Return the result of *work*; its writes happen all or not at all.

        The driver repeats *work* if another transaction was faster.
        """
        with self._connection_state.translated_errors(writing=True):
            return await transaction.run(self._raw, self._usable, work)

    @to_the_end
    async def count(self, query: Query, *, limit: int | None = None) -> int:
        """Count the documents that match, all at one moment, at most *limit*."""
        options = {} if limit is None else {"limit": limit}
        with self._connection_state.translated_errors():
            return int(await self._at_one_moment().count_documents(query, **options))

    def _at_one_moment(self) -> Any:
        """Return the collection as of one moment: a document that changes meanwhile counts once."""
        return self._raw.with_options(read_concern=ReadConcern("snapshot"))

    @to_the_end
    async def distinct(self, field: str, query: Query) -> list[Any]:
        """Return the values of *field* in the documents that match, each once, in no order."""
        with self._connection_state.translated_errors():
            found: list[Any] = await self._raw.distinct(field, query)
            return found

    @to_the_end
    async def aggregate(self, pipeline: Sequence[Document]) -> list[Document]:
        """Return the results of *pipeline*, all of one moment."""
        with self._connection_state.translated_errors():
            return await _all(await awaited(self._at_one_moment().aggregate(pipeline)))

    @contextlib.asynccontextmanager
    async def watch(
        self, pipeline: Sequence[Document], *, start_at: Timestamp, wait_ms: int
    ) -> AsyncIterator[Changes]:
        """Give a change stream from *start_at* on, and close it at the end."""
        changes = Changes(lambda: self._open_stream(list(pipeline), start_at, wait_ms))
        try:
            yield changes
        finally:
            with contextlib.suppress(Exception):  # the server closes it too
                await changes.close()

    async def _open_stream(self, pipeline: list[Document], start: Timestamp, wait_ms: int) -> Any:
        options = {"start_at_operation_time": start, "max_await_time_ms": wait_ms}
        with self._connection_state.translated_errors():
            return await awaited(self._raw.watch(pipeline, **options))

    @to_the_end
    async def list_indexes(self) -> list[Document]:
        """Return the collection's indexes, also unfinished ones; empty without a collection."""
        with self._connection_state.translated_errors():
            return await _all(await awaited(self._raw.list_indexes()))

    @to_the_end
    async def create_index(self, index: IndexModel) -> None:
        """Build *index* unless it exists. Waits for the same build of another client.

        Raises:
            OperationFailure: MongoDB refuses it, e.g. because another index has its name.
        """
        with self._connection_state.translated_errors():
            # By default all members must be ready: a member that is down would block the build.
            await self._raw.create_indexes([index], commitQuorum="majority")

    @to_the_end
    async def drop_index(self, name: str) -> None:
        """Drop the index *name*.

        Raises:
            OperationFailure: there is no such index.
        """
        with self._connection_state.translated_errors():
            await self._raw.drop_index(name)

    def use_indexes(self, names: Iterable[str]) -> None:
        """Let queries name only these indexes, which match Secretary's definitions."""
        self._usable.clear()
        self._usable.update(names)


def change_of(fields: Mapping[str, Any]) -> Document:
    """Return the change of a document that sets *fields*, and removes those that are None."""
    put = {name: value for name, value in fields.items() if value is not None}
    parts = {"$set": put, "$unset": dict.fromkeys(fields.keys() - put.keys(), "")}
    return {operator: given for operator, given in parts.items() if given}


async def _all(cursor: Any) -> list[Document]:
    found: list[Document] = await cursor.to_list(None)
    return found
