"""Who waits for a write is told once: of it, or of what came in between."""

from concurrent.futures import Future

import pytest

from secretary_common.errors import StaleClaim, StoreUnavailable
from secretary_worker.attempt.waiters import Waiters


def test_who_waits_for_a_flush_is_told_when_it_is_made() -> None:
    awaiting, done, late = Waiters(), Future[None](), Future[None]()
    awaiting.flush(done)
    with awaiting.flushing() as somebody_waits:
        assert somebody_waits
        assert not done.done()
        awaiting.flush(late)  # what it waits for came too late for this flush
    assert done.result(0) is None
    assert not late.done()


def test_a_flush_that_fails_leaves_them_waiting_for_the_next() -> None:
    awaiting, done = Waiters(), Future[None]()
    awaiting.flush(done)
    with pytest.raises(StoreUnavailable), awaiting.flushing():
        raise StoreUnavailable
    assert not done.done()
    with awaiting.flushing() as somebody_waits:
        assert somebody_waits
    assert done.result(0) is None
    with awaiting.flushing() as somebody_waits:
        assert not somebody_waits


def test_a_flush_is_not_the_end() -> None:
    awaiting, done = Waiters(), Future[None]()
    awaiting.end(done)
    with awaiting.flushing() as somebody_waits:
        assert not somebody_waits
    assert not done.done()
    awaiting.ended()
    assert done.result(0) is None


def test_a_refusal_reaches_all_of_them() -> None:
    awaiting, flush, end = Waiters(), Future[None](), Future[None]()
    awaiting.flush(flush)
    awaiting.end(end)
    awaiting.refuse(StaleClaim())
    assert isinstance(flush.exception(0), StaleClaim)
    assert isinstance(end.exception(0), StaleClaim)
