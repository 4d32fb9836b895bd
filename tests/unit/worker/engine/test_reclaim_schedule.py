"""When a worker looks for expired leases."""

from secretary_worker.engine.reclaim import ReclaimSchedule


def test_a_worker_looks_once_in_each_interval() -> None:
    schedule = ReclaimSchedule(5.0, started_at=100.0)
    assert not schedule.is_due(104.9, free_slots=3)
    assert schedule.is_due(105.0, free_slots=0)


def test_a_free_slot_is_enough_if_jobs_were_left() -> None:
    schedule = ReclaimSchedule(5.0, started_at=100.0, jobs_left=True)
    assert not schedule.is_due(101.0, free_slots=0)
    assert schedule.is_due(101.0, free_slots=1)


def test_the_wait_is_never_negative_and_never_longer_than_the_interval() -> None:
    schedule = ReclaimSchedule(5.0, started_at=100.0)
    assert schedule.until_due_sec(102.0) == 3.0
    assert schedule.until_due_sec(200.0) == 0.0
    assert schedule.until_due_sec(50.0) == 5.0
