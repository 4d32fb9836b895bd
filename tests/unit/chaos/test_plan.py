"""A seed stands for the same jobs and the same faults, of every kind, within bounds."""

from __future__ import annotations

from dataclasses import replace

from chaos import fault, plan
from chaos.fault import GROUPS
from chaos.plan import BATCH_SIZE, LETHAL_JOBS, Kind, Submission
from support.chaos_samples import ALL


def jobs_of(seed: int, jobs: int = 2000) -> list[Submission]:
    return plan.draw(seed, jobs=jobs, seconds=90, lease_sec=6, features=ALL)


def test_a_seed_stands_for_its_jobs() -> None:
    assert jobs_of(1) == jobs_of(1)
    assert jobs_of(1) != jobs_of(2)


def test_there_are_as_many_jobs_as_asked_for_of_every_kind() -> None:
    plans = [one for each in jobs_of(1) for one in each.plans]
    assert len({one.ref for one in plans}) == len(plans) == 2000
    assert {one.kind for one in plans} == set(Kind)
    assert sum(one.kind is Kind.LETHAL for one in plans) == LETHAL_JOBS
    assert any(one.kind is Kind.BLOCKING and one.seconds > 6 for one in plans)
    for name in ("webhook", "delay_sec", "cancel_after_sec", "retried", "repeats", "watched"):
        assert any(getattr(one, name) for one in plans), name


def test_submissions_come_in_order_and_batches_have_one_key() -> None:
    submissions = jobs_of(1)
    times = [each.at for each in submissions]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= 90
    batches = [each.plans for each in submissions if len(each.plans) > 1]
    assert batches
    assert all(len(each) <= BATCH_SIZE for each in batches)
    assert all(len({one.key for one in each}) == 1 for each in batches)


def test_what_the_api_lacks_is_not_asked_of_it() -> None:
    lacking = replace(ALL, idempotency=False, cancel=False, retry=False, batch=False)
    submissions = plan.draw(1, jobs=500, seconds=90, lease_sec=6, features=lacking)
    for each in submissions:
        (only,) = each.plans
        assert only.cancel_after_sec is None
        assert not only.retried
        assert not only.repeats


def test_a_seed_stands_for_its_faults() -> None:
    assert fault.draw(1, seconds=90, lease_sec=6) == fault.draw(1, seconds=90, lease_sec=6)
    assert fault.draw(1, seconds=90, lease_sec=6) != fault.draw(2, seconds=90, lease_sec=6)


def test_every_fault_strikes_within_the_time() -> None:
    for seconds in (20, 90, 300):
        faults = fault.draw(3, seconds=seconds, lease_sec=6)
        assert all(0 <= one.at <= seconds for one in faults)
        assert [one.at for one in faults] == sorted(one.at for one in faults)
        struck = {(one.part, one.blow) for one in faults}
        assert struck == {(row[0], row[1]) for group in GROUPS for row in group}


def test_longer_rounds_have_more_faults() -> None:
    counts = [len(fault.draw(1, seconds=seconds, lease_sec=6)) for seconds in (45, 90, 180)]
    assert counts[0] < counts[1] < counts[2] <= 2 * counts[1]


def test_a_frozen_worker_outsleeps_its_lease() -> None:
    faults = fault.draw(1, seconds=90, lease_sec=6)
    frozen = [one.lasts_sec for one in faults if one.blow is fault.Blow.FREEZE]
    assert frozen
    assert min(frozen) > 6
