"""Writes that share one command: a bad one fails alone, and each error comes back to its write."""

import pytest
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError, WTimeoutError

from secretary_common.errors import NotStorable, StoreUnavailable
from secretary_common.mongo.driver.write_group import LARGEST_DOCUMENT_BYTES, WriteGroup

DUPLICATE, NO_PRIMARY = 11000, 10107


def refused(*errors: tuple[int, int], matched: int = 0) -> BulkWriteError:
    """The error of a command: each of *errors* is a place in the command and a code."""
    written = [{"index": at, "code": code, "errmsg": "no"} for at, code in errors]
    return BulkWriteError({"writeErrors": written, "nMatched": matched})


@pytest.mark.parametrize(
    "bad",
    [{"n": 2**64}, {"a\0b": 1}, {"text": "\ud800"}, {"text": "x" * LARGEST_DOCUMENT_BYTES}],
    ids=["integer", "key", "surrogate", "size"],
)
def test_a_document_that_cannot_be_stored_fails_alone(bad: dict[str, object]) -> None:
    group = WriteGroup([{"n": 1}, bad, {"n": 3}])
    assert group.places == [0, 2]
    assert [dict(one) for one in group.encoded] == [{"n": 1}, {"n": 3}]
    assert all(isinstance(one, RawBSONDocument) for one in group.encoded)
    assert list(group.errors) == [1]
    assert isinstance(group.errors[1], NotStorable)


def test_an_error_of_the_server_comes_back_to_the_write_that_caused_it() -> None:
    group = WriteGroup([{"n": 2**64}, {"n": 1}, {"n": 2}, {"n": 3}])
    assert group.note(refused((0, DUPLICATE), (2, NO_PRIMARY), matched=1)) == 1
    kinds = {place: type(error) for place, error in group.errors.items()}
    assert kinds == {0: NotStorable, 1: DuplicateKeyError, 3: StoreUnavailable}


def test_writes_that_no_majority_confirmed_have_no_outcome() -> None:
    group = WriteGroup([{"n": 1}])
    with pytest.raises(WTimeoutError):
        group.note(BulkWriteError({"writeConcernErrors": [{"errmsg": "timeout"}]}))
    assert group.errors == {}
