"""A seed gives the same jobs and the same faults, of every kind, within bounds."""

from __future__ import annotations

from dataclasses import replace

from chaos.faults import GROUPS, FaultKind, draw_faults
from chaos.plan import BATCH_SIZE, LETHAL_JOBS, Kind, Submission, draw_submissions
from support.chaos_samples import ALL


def jobs_of(seed: int, jobs: int = 2000) -> list[Submission]:
    return draw_submissions(seed, jobs=jobs, seconds=90, lease_sec=6, features=ALL)


def test_a_seed_gives_the_same_jobs() -> None:
    assert jobs_of(1) == jobs_of(1)
    assert jobs_of(1) != jobs_of(2)


def test_the_requested_number_of_jobs_has_every_kind() -> None:
    plans = [one for each in jobs_of(1) for one in each.plans]
    assert len({one.ref for one in plans}) == len(plans) == 2000
    assert {one.kind for one in plans} == set(Kind)
    assert sum(one.kind is Kind.LETHAL for one in plans) == LETHAL_JOBS
    assert any(one.kind is Kind.BLOCKING and one.seconds > 6 for one in plans)
    for name in ("webhook", "delay_sec", "cancel_after_sec", "retried", "repeats", "watched"):
        assert any(getattr(one, name) for one in plans), name


def test_submissions_are_in_order_and_a_batch_has_one_key() -> None:
    submissions = jobs_of(1)
    times = [each.at for each in submissions]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= 90
    batches = [each.plans for each in submissions if len(each.plans) > 1]
    assert batches
    assert all(len(each) <= BATCH_SIZE for each in batches)
    assert all(len({one.key for one in each}) == 1 for each in batches)


def test_features_that_are_off_are_not_used() -> None:
    lacking = replace(ALL, idempotency=False, cancel=False, retry=False, batch=False)
    submissions = draw_submissions(1, jobs=500, seconds=90, lease_sec=6, features=lacking)
    for each in submissions:
        (only,) = each.plans
        assert only.cancel_after_sec is None
        assert not only.retried
        assert not only.repeats


def test_a_seed_gives_the_same_faults() -> None:
    assert draw_faults(1, seconds=90, lease_sec=6) == draw_faults(1, seconds=90, lease_sec=6)
    assert draw_faults(1, seconds=90, lease_sec=6) != draw_faults(2, seconds=90, lease_sec=6)


def test_every_fault_begins_within_the_time() -> None:
    for seconds in (20, 90, 300):
        faults = draw_faults(3, seconds=seconds, lease_sec=6)
        assert all(0 <= one.at_sec <= seconds for one in faults)
        assert [one.at_sec for one in faults] == sorted(one.at_sec for one in faults)
        hit = {(one.target, one.kind) for one in faults}
        assert hit == {(row[0], row[1]) for group in GROUPS for row in group}


def test_longer_experiments_have_more_faults() -> None:
    counts = [len(draw_faults(1, seconds=seconds, lease_sec=6)) for seconds in (45, 90, 180)]
    assert counts[0] < counts[1] < counts[2] <= 2 * counts[1]


def test_a_worker_is_frozen_for_longer_than_its_lease() -> None:
    faults = draw_faults(1, seconds=90, lease_sec=6)
    frozen = [one.duration_sec for one in faults if one.kind is FaultKind.FREEZE]
    assert frozen
    assert min(frozen) > 6
