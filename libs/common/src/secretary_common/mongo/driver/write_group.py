"""Writes that share one command: which of them can be sent, and the error of each. Pure rules.

MongoDB and its driver refuse a whole command if one document in it cannot be encoded. So each
document is encoded by itself before. The command has only the others, and the errors of the server
name them by their places in the command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError

from secretary_common.errors import NotStorable
from secretary_common.mongo.driver.fault import encoded, errors_of

LARGEST_DOCUMENT_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """The result of a group of updates."""

    matched: int
    """The number of updates that found their document."""
    errors: Mapping[int, Exception]
    """The errors of single updates, by their index in the group."""


class WriteGroup:
    """A group of writes, each with one document to send."""

    def __init__(self, documents: Sequence[Mapping[str, Any]]) -> None:
        self.places: list[int] = []
        """The index in the group of each write that can be sent."""
        self.encoded: list[RawBSONDocument] = []
        """The documents of these writes."""
        self.errors: dict[int, Exception] = {}
        """The errors of single writes, by their index in the group."""
        for place, document in enumerate(documents):
            self._encode(place, document)

    def note(self, error: BulkWriteError) -> int:
        """Keep the errors of single writes in *error*; return how many updates found a document.

        Raises:
            WTimeoutError: no majority confirmed the writes in time; whether they stay is unknown.
        """
        self.errors |= errors_of(error, self.places)
        return int((error.details or {}).get("nMatched", 0))

    def _encode(self, place: int, document: Mapping[str, Any]) -> None:
        try:
            raw = encoded(document)
        except NotStorable as error:
            self.errors[place] = error
            return
        if len(raw) > LARGEST_DOCUMENT_BYTES:
            self.errors[place] = NotStorable("the document is larger than 16 MB")
        else:
            self.places.append(place)
            self.encoded.append(RawBSONDocument(raw))
