"""One page of a listing, newest first, by an index and a bounded scan.

An index serves the leading conditions and the order. Further conditions are checked on at most
``LONGEST_SCAN`` documents for each page, so no listing reads a whole collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson.datetime_ms import DatetimeMS
from pymongo import DESCENDING

from secretary_common.mongo.collection import Collection, Document
from secretary_common.mongo.stored.shape import LATEST

LONGEST_SCAN = 5000
_NEWEST = [("created_at", DESCENDING), ("_id", DESCENDING)]
_ORDER: Document = {"created_at": DESCENDING, "_id": DESCENDING}

Place = tuple[datetime, str]
"""The time of creation and the id of the last document that a page has looked at."""


def after_place(query: Document, after: Place | None) -> Document:
    """Return *query* for the documents after *after*."""
    if after is None:
        return query
    moment, document_id = after
    # The bound is for the index; the rest orders documents of the same millisecond.
    place = [
        {"created_at": {"$lte": moment}},
        {"$or": [{"created_at": {"$lt": moment}}, {"_id": {"$lt": document_id}}]},
    ]
    return {**query, "$and": [*query.get("$and", []), *place]}


async def page_of(
    collection: Collection,
    leading: Document,
    rest: Document,
    *,
    after: Place | None,
    limit: int,
    projection: dict[str, Any],
) -> tuple[list[Document], Place | None]:
    """Return at most *limit* documents, and the place from which the next page goes on.

    A page may have fewer documents although others follow. None: no document follows.

    Args:
        collection: the collection.
        leading: the conditions that an index serves, in the order of their creation.
        rest: the further conditions.
        after: the place from the page before.
        limit: the size of the page.
        projection: the fields to return or to leave out.
    """
    query = after_place(leading, after)
    if rest:
        found = await collection.aggregate(
            [
                {"$match": query},
                {"$sort": _ORDER},
                {"$limit": LONGEST_SCAN},
                {"$match": rest},
                {"$limit": limit + 1},
                {"$project": projection},
            ]
        )
    else:
        found = await collection.find(query, projection=projection, sort=_NEWEST, limit=limit + 1)
    if len(found) > limit:
        return found[:limit], _place_of(found[limit - 1])
    return found, await _end_of_scan(collection, query) if rest else None


async def _end_of_scan(collection: Collection, query: Document) -> Place | None:
    """Return the place at which the scan has stopped; None if it saw every document."""
    last = await collection.aggregate(
        [
            {"$match": query},
            {"$sort": _ORDER},
            {"$project": {"created_at": True}},
            {"$skip": LONGEST_SCAN - 1},
            {"$limit": 2},
        ]
    )
    return _place_of(last[0]) if len(last) > 1 else None


def _place_of(document: Document) -> Place | None:
    """Return the place of *document*, which may be unreadable.

    MongoDB lists dates beyond Python's years first, and values that are no dates last.
    """
    created_at = document.get("created_at")
    if isinstance(created_at, DatetimeMS) and int(created_at) > 0:
        return LATEST, ""
    return (created_at, str(document["_id"])) if isinstance(created_at, datetime) else None


def split(filters: Document, leading: Sequence[str]) -> tuple[Document, Document]:
    """Return the conditions on the fields *leading*, and the others."""
    return (
        {name: value for name, value in filters.items() if name in leading},
        {name: value for name, value in filters.items() if name not in leading},
    )
