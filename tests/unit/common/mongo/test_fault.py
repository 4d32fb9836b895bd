"""Which errors of MongoDB count as an outage."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from pymongo.errors import (
    AutoReconnect,
    InvalidOperation,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WTimeoutError,
)

from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.driver import transaction
from secretary_common.mongo.driver.fault import translated_errors, write_error


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("the connection was closed"),
        NotPrimaryError("it stepped down"),
        WTimeoutError("no majority has it yet", 64),
        # A primary steps down while a write waits for its majority. The error of update_many,
        # which no driver repeats, has no label for it.
        WriteConcernError("operation was interrupted", 11602),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_unknown_outcome_is_an_outage(error: PyMongoError) -> None:
    with pytest.raises(StoreUnavailable), translated_errors():
        raise error


@pytest.mark.parametrize("code", [8, 13, 18, 26, 43, 96, 175, 211, 246, 8000, 11601, 14031])
def test_a_refusal_of_the_server_is_an_outage(code: int) -> None:
    with pytest.raises(StoreUnavailable), translated_errors():
        raise OperationFailure("not now", code)
    assert isinstance(write_error({"code": code, "errmsg": "not now"}), StoreUnavailable)


def test_a_wrong_command_is_not_an_outage() -> None:
    with pytest.raises(OperationFailure), translated_errors():
        raise OperationFailure("unknown operator: $x", 2)


@pytest.mark.parametrize("error", [asyncio.CancelledError, InvalidOperation])
async def test_a_transaction_that_takes_too_long_is_an_outage_no_matter_how_it_stops(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise error from None

    monkeypatch.setattr(transaction, "OPERATION_TIMEOUT_MS", 10)
    with pytest.raises(StoreUnavailable), translated_errors():
        await transaction.within_deadline(endless())


async def test_a_transaction_ends_although_the_driver_swallows_the_first_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transaction, "OPERATION_TIMEOUT_MS", 10)
    monkeypatch.setattr(transaction, "_CANCEL_AGAIN_SEC", 0.01)
    swallowed = 0

    async def swallowing() -> None:
        nonlocal swallowed
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed += 1
        await asyncio.Event().wait()

    with pytest.raises(StoreUnavailable), translated_errors():
        await transaction.within_deadline(swallowing())
    assert swallowed == 1


async def test_a_transaction_that_ends_at_its_deadline_has_its_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def committed() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "committed"

    monkeypatch.setattr(transaction, "OPERATION_TIMEOUT_MS", 10)
    assert await transaction.within_deadline(committed()) == "committed"


async def test_a_misuse_of_the_driver_is_not_an_outage() -> None:
    async def misuse() -> None:
        raise InvalidOperation("no transaction started")

    with pytest.raises(InvalidOperation), translated_errors():
        await transaction.within_deadline(misuse())


def test_only_a_write_that_was_not_confirmed_is_said_to_be_unknown() -> None:
    with pytest.raises(StoreUnavailable) as reading, translated_errors():
        raise AutoReconnect
    with pytest.raises(StoreUnavailable) as writing, translated_errors(writing=True):
        raise AutoReconnect
    assert reading.value.message == "MongoDB did not answer in time."
    assert "whether the write happened is unknown" in writing.value.message
