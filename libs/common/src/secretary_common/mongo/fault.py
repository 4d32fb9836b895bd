"""What goes wrong with MongoDB, in the words of those who call it.

Connection trouble and timeouts become ``StoreUnavailable``, documents that BSON cannot hold
``NotStorable``; ``DuplicateKeyError`` stays what it is: an answer, not a failure.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WriteError,
    WTimeoutError,
)

from secretary_common.errors import NotStorable, StoreUnavailable

DUPLICATE_KEY_CODE = 11000
# Server codes for a document over 16 MB: BSONObjectTooLarge, and its older form for updates; and
# for one that a small server's cache does not take: TransactionTooLargeForCache.
TOO_LARGE_CODES = frozenset({388, 10334, 17280, 17419, 17420})
# Server codes for a write that was interrupted: no primary any more, shutting down, out of time.
# https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md
UNKNOWN_OUTCOME_CODES = frozenset(
    {6, 7, 50, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}
)


def is_outage(error: PyMongoError) -> bool:
    """Whether *error* says that MongoDB did not answer, or not in time, or not for sure."""
    return (
        isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError)
        or error.timeout
        or error.has_error_label("RetryableWriteError")
        or error.has_error_label("TransientTransactionError")
    )


def is_unencodable(error: Exception) -> bool:
    """Whether *error* says that the document cannot be BSON, or not in 16 MB."""
    if isinstance(error, OperationFailure):
        return error.code in TOO_LARGE_CODES
    return isinstance(error, BSONError | DocumentTooLarge | OverflowError | UnicodeEncodeError)


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Raise what callers understand in place of the driver's errors.

    Raises:
        StoreUnavailable: see ``is_outage``; whether a write happened is unknown.
        NotStorable: see ``is_unencodable``.
    """
    try:
        yield
    except (PyMongoError, BSONError, OverflowError, UnicodeEncodeError) as error:
        if is_unencodable(error):
            raise NotStorable from error
        if isinstance(error, PyMongoError) and is_outage(error):
            raise StoreUnavailable from error
        raise


def errors_of(error: BulkWriteError, places: Sequence[int]) -> dict[int, Exception]:
    """What some writes of a group failed of, by the place they had among all.

    Raises:
        WTimeoutError: no majority has them in time; whether they stay is unknown.
    """
    details = error.details or {}
    if details.get("writeConcernErrors"):
        raise WTimeoutError(str(details["writeConcernErrors"][0].get("errmsg"))) from error
    return {places[one["index"]]: write_error(one) for one in details.get("writeErrors", [])}


def write_error(told: Mapping[str, Any]) -> Exception:
    """What one write of a group failed of, as a single write would have said it."""
    code, message = told.get("code"), str(told.get("errmsg"))
    if code in TOO_LARGE_CODES:
        return NotStorable("this is larger than a document may be (16 MB)")
    if code in UNKNOWN_OUTCOME_CODES:
        return StoreUnavailable()
    kind = DuplicateKeyError if code == DUPLICATE_KEY_CODE else WriteError
    return kind(message, code, told)
