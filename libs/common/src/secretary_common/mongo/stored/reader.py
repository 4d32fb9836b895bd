"""Reads the documents of one collection one by one; counts each fault, logs it once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from secretary_common.models.states import NewerWord
from secretary_common.mongo.driver.collection import Document
from secretary_common.mongo.stored.fault import Fault
from secretary_common.mongo.stored.shape import shape_of
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import DOCUMENTS_UNREADABLE

log = get_logger(__name__)

M = TypeVar("M", bound=BaseModel)

MOST_NOTED = 10_000
"""The most logged documents that the process remembers."""


class _Noted:
    """The documents that this process has logged, so that it logs each one once."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def is_new(self, *key: str) -> bool:
        collection, document_id, field = key
        known = (collection, document_id, field) in self._known
        self._known[collection, document_id, field] = None
        if len(self._known) > MOST_NOTED:
            self._known.popitem(last=False)
        return not known


_noted = _Noted()


def note_unreadable(collection: str, document_id: object, fault: Fault) -> None:
    """Count and log a document that this version cannot read, once in this process."""
    shown = str(document_id)[:200]
    if _noted.is_new(collection, shown, fault.field):
        DOCUMENTS_UNREADABLE.labels(collection).inc()
        log.error(
            "document.unreadable",
            collection=collection,
            id=shown,
            field=fault.field,
            problem=fault.problem,
        )


def note_newer(collection: str, document_id: object, fault: Fault) -> None:
    """Log a document that this version leaves to a newer one, once in this process."""
    shown = str(document_id)[:200]
    if _noted.is_new(collection, shown, fault.field):
        word = (fault.word or "")[:100]
        log.info(
            "document.left", collection=collection, id=shown, field=fault.field, newer_word=word
        )


@dataclass(frozen=True, slots=True)
class Reading(Generic[M]):
    """The result of reading one document."""

    value: M | None
    """The document as its model. None if it is unreadable, or if a newer word prevents it."""
    values: Mapping[str, Any]
    """The fields that can be read, by the names of the model."""
    faults: tuple[Fault, ...] = ()
    """The fields that this version cannot read."""
    newer: Fault | None = None
    """The first word of a newer version: this version leaves the document alone."""

    @property
    def is_unreadable(self) -> bool:
        """Whether a field is unreadable; False for documents of a newer version."""
        return self.newer is None and bool(self.faults)


class Reader(Generic[M]):
    """Reads the documents of one collection as values of *model*."""

    def __init__(
        self,
        collection: str,
        model: type[M],
        *,
        id_field: str = "_id",
        always: Collection[str] = (),
        words: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepare to read.

        Args:
            collection: its name, for the log.
            model: the type of the values.
            id_field: the field of *model* that holds ``_id``, if *model* has such a field.
            always: fields that every document has, although they have a default.
            words: top-level fields in which a word of a newer version can be shown, each with the
                word that replaces it while the document is read.
        """
        self.collection = collection
        self._model = model
        self._id_field = id_field
        self._always = always
        self._words = words or {}

    def read(self, document: Document, *, left_out: Collection[str] = ()) -> Reading[M]:
        """Return the readable part of *document*; *left_out*: fields that the query left out."""
        named = {self._id_field: document.get("_id"), **document}
        shape = shape_of(named, self._model, always=self._always, left_out=left_out)
        if isinstance(shape.whole, self._model):
            return Reading(shape.whole, shape.values)
        newer = next((fault for fault in shape.faults if fault.word is not None), None)
        if newer is None:
            return Reading(None, shape.values, tuple(shape.faults))
        return Reading(self._newer(shape.values, shape.faults), shape.values, newer=newer)

    def all(self, documents: Iterable[Document], *, left_out: Collection[str] = ()) -> list[M]:
        """Return the values of the readable *documents*; note the others and skip them."""
        found = (self.one(document, left_out=left_out) for document in documents)
        return [value for value in found if value is not None]

    def one(self, document: Document | None, *, left_out: Collection[str] = ()) -> M | None:
        """Return the value of *document*; None if *document* is None or cannot be used."""
        if document is None:
            return None
        reading = self.read(document, left_out=left_out)
        self.note(document, reading)
        return None if reading.newer else reading.value

    def note(self, document: Document, reading: Reading[M]) -> None:
        """Count and log the fault of *document*; do nothing without a fault."""
        if reading.newer:
            note_newer(self.collection, document.get("_id"), reading.newer)
        elif reading.faults:
            note_unreadable(self.collection, document.get("_id"), reading.faults[0])

    def _newer(self, values: Mapping[str, Any], faults: Iterable[Fault]) -> M | None:
        """Return a document of a newer version as far as this version can show it."""
        if not self._words:
            return None
        words: dict[str, Any] = {}
        stand_ins: dict[str, Any] = {}
        fields = self._model.model_fields
        for fault in faults:
            if fault.word is not None and fault.path == (fault.top,) and fault.top in self._words:
                words[fault.top] = NewerWord(fault.word)
                stand_ins[fault.top] = self._words[fault.top]
        given = values.keys() | stand_ins.keys()
        if any(field.is_required() and name not in given for name, field in fields.items()):
            return None
        shown = self._model.model_validate({**values, **stand_ins})
        newer = next(str(fault) for fault in faults if fault.word is not None)
        return shown.model_copy(update={**words, "newer": newer})


def newer_word(field: str, known: Iterable[str]) -> Document:
    """Match documents with a word in *field* that only a newer version knows."""
    return {field: {"$type": "string", "$nin": list(known), "$not": {"$type": "array"}}}


def as_read(document: Document, fields: Iterable[str]) -> Document:
    """Match *document* while its *fields* are as they were read; they may have any type."""
    return {
        name: {"$eq": document[name]} if name in document else {"$exists": False}
        for name in {"_id", *fields}
    }


def text_in(document: Document | None, *path: str) -> str | None:
    """Return the string at *path* in a document of any shape; None if there is no string."""
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None
