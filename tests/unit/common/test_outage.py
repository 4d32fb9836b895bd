"""What counts as MongoDB not having answered for sure."""

from __future__ import annotations

import pytest
from pymongo.errors import (
    AutoReconnect,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WTimeoutError,
)

from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.driver import translated_errors


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("the connection was closed"),
        NotPrimaryError("it stepped down"),
        WTimeoutError("no majority has it yet", 64),
        # A primary that steps down while a write waits for its majority; update_many, which no
        # driver repeats, comes with no label that says so.
        WriteConcernError("operation was interrupted", 11602),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_outcome_nobody_knows_is_an_outage(error: PyMongoError) -> None:
    with pytest.raises(StoreUnavailable), translated_errors():
        raise error


def test_a_refusal_is_an_answer() -> None:
    with pytest.raises(OperationFailure), translated_errors():
        raise OperationFailure("unknown operator: $x", 2)
