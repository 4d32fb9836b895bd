"""One page of a listing, newest first, by an index and a bounded scan.

An index serves the leading conditions and the order. Further conditions are checked on at most
``LONGEST_SCAN`` entries of the index for each page, so no listing reads a whole collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson.datetime_ms import DatetimeMS
from pymongo import DESCENDING

from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.stored.shape import LATEST

LONGEST_SCAN = 5000
FIRST_SCAN = 500
"""Most pages are full after a short scan, or one of the ways ends within it. Otherwise the scan
goes on in steps, each three times as long as all before."""
_NEWEST = [("created_at", DESCENDING), ("_id", DESCENDING)]

Place = tuple[datetime, str]
"""The time of creation and the id of the last document that a page has scanned.

With an empty id, the page has scanned all documents of this time.
"""


@dataclass(frozen=True, slots=True)
class Way:
    """An index that lists documents newest first, and the conditions that it serves."""

    index: str
    leading: Document


@dataclass(frozen=True, slots=True)
class _Scan:
    """The scan of one way, as far as it has come."""

    way: Way
    scanned: int
    found: list[Document]
    end: Place | None
    """The place at which the scan has stopped; None: it saw every document."""


def after_place(query: Document, after: Place | None) -> Document:
    """Return *query* for the documents after *after*."""
    if after is None:
        return query
    moment, document_id = after
    if not document_id:
        return _and(query, [{"created_at": {"$lt": moment}}])
    # The bound is for the index; the rest orders documents of the same millisecond.
    place: list[Document] = [
        {"created_at": {"$lte": moment}},
        {"$or": [{"created_at": {"$lt": moment}}, {"_id": {"$lt": document_id}}]},
    ]
    return _and(query, place)


def _and(query: Document, conditions: Sequence[Document]) -> Document:
    return {**query, "$and": [*query.get("$and", []), *conditions]} if conditions else query


async def page_of(
    collection: Collection,
    ways: Sequence[Way],
    filters: Document,
    *,
    common: Document,
    after: Place | None,
    limit: int,
    projection: dict[str, Any],
) -> tuple[list[Document], Place | None]:
    """Return at most *limit* documents, and the place from which the next page goes on.

    A page may have fewer documents although others follow. None: no document follows.

    Args:
        collection: the collection.
        ways: the ways to list the documents; each leads to all documents that match.
        filters: all conditions, those of the ways included.
        common: further conditions, which nearly all documents fulfil.
        after: the place from the page before.
        limit: the size of the page.
        projection: the fields to return or to leave out.
    """
    page = _Page(collection, {**filters, **common}, limit, projection)
    scans: list[_Scan] = []
    for way in ways:
        if way.leading.keys() >= filters.keys():  # the index finds exactly these documents
            return page.cut(await page.whole(way, after))
        scans.append(await page.begun(way, after))
        if page.is_done(scans[-1]):
            return page.cut(scans[-1])
    # The way whose scan reached the farthest back has the fewest other documents on it.
    best = min(scans, key=lambda scan: scan.end or (LATEST, ""))
    while best.scanned < LONGEST_SCAN and not page.is_done(best):
        best = await page.continued(best, min(3 * best.scanned, LONGEST_SCAN - best.scanned))
    return page.cut(best)


@dataclass(frozen=True, slots=True)
class _Page:
    """One request for a page."""

    collection: Collection
    filters: Document
    limit: int
    projection: dict[str, Any]

    async def whole(self, way: Way, after: Place | None) -> _Scan:
        """Read a page by an index that serves all conditions."""
        found = await self._matching(way, after_place(self.filters, after), self.limit + 1)
        return _Scan(way, 0, found, None)

    async def begun(self, way: Way, after: Place | None) -> _Scan:
        """Begin to read a page by an index that serves some of the conditions."""
        return await self.continued(_Scan(way, 0, [], after), min(FIRST_SCAN, LONGEST_SCAN))

    async def continued(self, scan: _Scan, entries: int) -> _Scan:
        """Add the documents to which the next *entries* of the index lead."""
        # MongoDB finds the end of the scan in the index alone: it reads no document, because the
        # query has only the conditions of the way and the time of creation.
        begin = [{"created_at": {"$lte": scan.end[0]}}] if scan.end else []
        last = await self.collection.find(
            _and(scan.way.leading, begin),
            projection={"created_at": True},
            sort=_NEWEST,
            skip=entries - 1,
            limit=2,
            hint=scan.way.index,
        )
        moment = _place_of(last[0]) if len(last) > 1 else None
        end = (moment[0], "") if moment else None  # after all documents of this millisecond
        until = [{"created_at": {"$gte": end[0]}}] if end else []
        query = _and(after_place(self.filters, scan.end), until)
        found = await self._matching(scan.way, query, self.limit + 1 - len(scan.found))
        return _Scan(scan.way, scan.scanned + entries, scan.found + found, end)

    async def _matching(self, way: Way, query: Document, most: int) -> list[Document]:
        return await self.collection.find(
            query, projection=self.projection, sort=_NEWEST, limit=most, hint=way.index
        )

    def is_done(self, scan: _Scan) -> bool:
        """Return whether *scan* fills the page, or saw every document."""
        return scan.end is None or len(scan.found) > self.limit

    def cut(self, scan: _Scan) -> tuple[list[Document], Place | None]:
        """Return what *scan* has found as a page, with the place after it."""
        if len(scan.found) > self.limit:
            return scan.found[: self.limit], _place_of(scan.found[self.limit - 1])
        return scan.found, scan.end


def _place_of(document: Document) -> Place | None:
    """Return the place of *document*, which may be unreadable.

    MongoDB lists dates beyond Python's years first, and values that are no dates last.
    """
    created_at = document.get("created_at")
    if isinstance(created_at, DatetimeMS) and int(created_at) > 0:
        return LATEST, ""
    return (created_at, str(document["_id"])) if isinstance(created_at, datetime) else None
