"""A caller that awaits a write gets one answer: the write is made, or an error."""

from concurrent.futures import Future

import pytest

from secretary_common.errors import StaleClaim, StoreUnavailable
from secretary_worker.attempt.waiters import Waiters


def test_a_future_for_the_flush_is_resolved_when_the_flush_is_made() -> None:
    waiters, done, late = Waiters(), Future[None](), Future[None]()
    waiters.add_for_flush(done)
    with waiters.flushing() as awaited:
        assert awaited
        assert not done.done()
        waiters.add_for_flush(late)  # its update came too late for this flush
    assert done.result(0) is None
    assert not late.done()


def test_after_a_failed_flush_the_futures_wait_for_the_next() -> None:
    waiters, done = Waiters(), Future[None]()
    waiters.add_for_flush(done)
    with pytest.raises(StoreUnavailable), waiters.flushing():
        raise StoreUnavailable
    assert not done.done()
    with waiters.flushing() as awaited:
        assert awaited
    assert done.result(0) is None
    with waiters.flushing() as awaited:
        assert not awaited


def test_a_flush_is_not_the_settlement() -> None:
    waiters, done = Waiters(), Future[None]()
    waiters.add_for_settlement(done)
    with waiters.flushing() as awaited:
        assert not awaited
    assert not done.done()
    waiters.settled()
    assert done.result(0) is None


def test_an_error_reaches_all_futures() -> None:
    waiters, flush, settlement = Waiters(), Future[None](), Future[None]()
    waiters.add_for_flush(flush)
    waiters.add_for_settlement(settlement)
    waiters.fail(StaleClaim())
    assert isinstance(flush.exception(0), StaleClaim)
    assert isinstance(settlement.exception(0), StaleClaim)
