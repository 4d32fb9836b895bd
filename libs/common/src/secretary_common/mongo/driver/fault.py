"""Translates errors of the MongoDB driver into Secretary's errors.

Connection errors, timeouts and refusals of the server become ``StoreUnavailable``. Documents that
BSON cannot hold become ``NotStorable``. ``DuplicateKeyError`` passes unchanged, because callers
treat it as an answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bson
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
# Server codes for a document over 16 MB (BSONObjectTooLarge and its older form for updates), and
# for a document that does not fit in a small server's cache (TransactionTooLargeForCache).
TOO_LARGE_CODES = frozenset({388, 10334, 17280, 17419, 17420})
# Server codes for a change that does not fit the document: BadValue, TypeMismatch, PathNotViable.
# ``$inc`` fails on a text, and ``$set`` on a field below a text.
NOT_APPLICABLE_CODES = frozenset({2, 14, 28})
# Server codes for an interrupted write: no primary any more, shutdown, deadline exceeded.
# https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md
UNKNOWN_OUTCOME_CODES = frozenset(
    {6, 7, 50, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}
)
UNCONFIRMED = "MongoDB did not answer in time; whether the write happened is unknown"
REFUSED = "MongoDB refuses the operation for now"
# Server codes that say that the command itself is wrong: a bug, which no repetition repairs.
# BadValue, FailedToParse, TypeMismatch, IllegalOperation, InvalidBSON, PathNotViable,
# ConflictingUpdateOperators, DollarPrefixedFieldName, InvalidIdField, EmptyFieldName,
# DottedFieldName, CommandNotFound, ImmutableField, CannotCreateIndex, InvalidOptions,
# InvalidNamespace, IndexOptionsConflict, IndexKeySpecsConflict, DocumentValidationFailure,
# InvalidPipelineOperator, NoQueryExecutionPlans.
# https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
WRONG_COMMAND_CODES = frozenset(
    {2, 9, 14, 20, 22, 28, 40, 52, 53, 56, 57, 59, 66, 67, 72, 73, 85, 86, 121, 168, 291}
)
# Codes from here on are assertions of the server's source, mostly about the command.
FIRST_ASSERTION_CODE = 10_000
# The exceptions: Interrupted (an operator killed the operation), two
# BackgroundOperationInProgress, StaleConfig, OutOfDiskSpace.
REFUSING_ASSERTION_CODES = frozenset({11601, 12586, 12587, 13388, 14031})


def is_refusal(code: object) -> bool:
    """Return whether *code* says that MongoDB refuses the operation only for now.

    For example: the user lacks a right, the disk is full, an operator killed the query.
    """
    if not isinstance(code, int) or code in WRONG_COMMAND_CODES:
        return False
    return code < FIRST_ASSERTION_CODE or code in REFUSING_ASSERTION_CODES


def is_outage(error: PyMongoError) -> bool:
    """Return whether MongoDB did not answer in time, could not confirm the write or refused it."""
    return (
        isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError)
        or error.timeout
        or error.has_error_label("RetryableWriteError")
        or error.has_error_label("TransientTransactionError")
        or _is_refused(error)
    )


def _is_refused(error: PyMongoError) -> bool:
    if isinstance(error, BulkWriteError):
        written = (error.details or {}).get("writeErrors", [])
        return any(is_refusal(one.get("code")) for one in written)
    if isinstance(error, ExecutionTimeout | WriteConcernError):
        return False
    return isinstance(error, OperationFailure) and is_refusal(error.code)


def is_missing_hint(error: OperationFailure) -> bool:
    """Return whether a query named an index that does not exist or cannot serve the query."""
    # BadValue, or NoQueryExecutionPlans for an index that does not serve the query.
    return error.code in (2, 291) and "hint" in str(error)


def is_unencodable(error: Exception) -> bool:
    """Return whether BSON cannot hold the document, or the document has more than 16 MB."""
    if isinstance(error, OperationFailure):
        return error.code in TOO_LARGE_CODES
    return isinstance(error, BSONError | DocumentTooLarge | OverflowError | UnicodeEncodeError)


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return *document* as BSON.

    Raises:
        NotStorable: see ``is_unencodable``.
    """
    try:
        return bson.encode(document)
    except Exception as error:
        if is_unencodable(error):
            raise NotStorable from error
        raise


@contextlib.contextmanager
def translated_errors(*, writing: bool = False) -> Iterator[None]:
    """Raise Secretary's errors in place of the driver's errors.

    Args:
        writing: whether a write may have happened although MongoDB did not answer.

    Raises:
        StoreUnavailable: see ``is_outage``.
        NotStorable: see ``is_unencodable``.
    """
    try:
        yield
    except (PyMongoError, BSONError, OverflowError, UnicodeEncodeError) as error:
        if is_unencodable(error):
            raise NotStorable from error
        if isinstance(error, PyMongoError) and is_outage(error):
            raise StoreUnavailable(_message_of(error, writing=writing)) from error
        raise


def _message_of(error: PyMongoError, *, writing: bool) -> str | None:
    if _is_refused(error) and not error.timeout:
        return REFUSED
    return UNCONFIRMED if writing else None


def errors_of(error: BulkWriteError, places: Sequence[int]) -> dict[int, Exception]:
    """Return the errors of single writes of a group, by their index in the group.

    Raises:
        WTimeoutError: no majority confirmed the writes in time; whether they stay is unknown.
    """
    details = error.details or {}
    if details.get("writeConcernErrors"):
        raise WTimeoutError(str(details["writeConcernErrors"][0].get("errmsg"))) from error
    return {places[one["index"]]: write_error(one) for one in details.get("writeErrors", [])}


def write_error(reported: Mapping[str, Any]) -> Exception:
    """Return the error of one write of a group, as a single write would have raised it."""
    code, message = reported.get("code"), str(reported.get("errmsg"))
    if code in TOO_LARGE_CODES:
        return NotStorable("the document is larger than 16 MB")
    if code in UNKNOWN_OUTCOME_CODES:
        return StoreUnavailable(UNCONFIRMED)
    if is_refusal(code):
        return StoreUnavailable(REFUSED)
    kind = DuplicateKeyError if code == DUPLICATE_KEY_CODE else WriteError
    return kind(message, code, reported)
