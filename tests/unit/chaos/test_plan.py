"""A seed gives the same jobs and the same faults, of every kind, within bounds."""

from __future__ import annotations

from dataclasses import replace

from chaos.faults import GROUPS, Fault, FaultKind, Form, Target, draw_faults, shortages_of
from chaos.oddity import DELIVERY_ODDITIES, JOB_ODDITIES
from chaos.plan import (
    BATCH_SIZE,
    BYSTANDER,
    HOSTILE,
    HUNGRY,
    POISON,
    Kind,
    Submission,
    draw_flood,
    draw_submissions,
)
from chaos.server_error import CODES, COMMANDS, code_of, commands_of
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
    assert sorted(one.kind for one in plans if one.kind in POISON) == sorted(POISON)
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


def test_jobs_that_need_disk_and_descriptors_come_while_these_are_short() -> None:
    shortages = shortages_of(faults_of(1))
    assert len(shortages) == 2
    submissions = draw_submissions(
        1, jobs=500, seconds=140, lease_sec=6, features=ALL, shortages=shortages
    )
    hungry = [each.at for each in submissions if any(one.kind in HUNGRY for one in each.plans)]
    assert hungry
    assert all(any(begin <= at <= end for begin, end in shortages) for at in hungry)


def test_features_that_are_off_are_not_used() -> None:
    lacking = replace(ALL, idempotency=False, cancel=False, retry=False, batch=False)
    submissions = draw_submissions(1, jobs=500, seconds=90, lease_sec=6, features=lacking)
    for each in submissions:
        (only,) = each.plans
        assert only.cancel_after_sec is None
        assert not only.retried
        assert not only.repeats


def test_most_jobs_may_not_lose_an_attempt() -> None:
    plans = [one for each in jobs_of(1) for one in each.plans]
    assert {one.max_attempts for one in plans} == {1, 2, 3}
    assert all(one.max_attempts > 1 for one in plans if one.kind is Kind.FLAKY)


def faults_of(seed: int, seconds: float = 150, **changed: bool) -> list[Fault]:
    return draw_faults(seed, Form(seconds, lease_sec=6, **changed))


def durations(faults: list[Fault], target: Target, kind: FaultKind) -> list[float]:
    return [one.duration_sec for one in faults if (one.target, one.kind) == (target, kind)]


def test_a_seed_gives_the_same_faults() -> None:
    assert faults_of(1) == faults_of(1)
    assert faults_of(1) != faults_of(2)


def test_every_fault_begins_within_the_time() -> None:
    for seconds in (20, 90, 300):
        faults = faults_of(3, seconds)
        assert all(0 <= one.at_sec <= seconds for one in faults)
        assert [one.at_sec for one in faults] == sorted(one.at_sec for one in faults)
        hit = {(one.target, one.kind) for one in faults}
        assert hit == {(row.target, row.kind) for group in GROUPS for row in group}


def test_longer_experiments_have_more_faults() -> None:
    counts = [len(faults_of(1, seconds)) for seconds in (60, 120, 240)]
    assert counts[0] < counts[1] < counts[2] <= 2 * counts[1]


def test_a_worker_is_frozen_for_longer_than_its_lease() -> None:
    frozen = [one.duration_sec for one in faults_of(1) if one.kind is FaultKind.FREEZE]
    assert frozen
    assert min(frozen) > 6


def test_outages_outlast_leases_and_are_longer_in_the_long_form() -> None:
    outages = [
        (Target.ALL_WORKERS, FaultKind.FREEZE, 3, 40),
        (Target.SECONDARIES, FaultKind.LOCK, 1, 60),
        (Target.MONGODB, FaultKind.LEAVE, 1, 240),
    ]
    for target, kind, count, seconds in outages:
        short = durations(faults_of(1), target, kind)
        assert len(short) == count
        assert 6 < min(short) <= max(short) < 20
        assert durations(faults_of(1, 540, is_long=True), target, kind) == [seconds] * count


def test_each_error_code_is_injected_once_for_eight_seconds_in_the_long_form() -> None:
    assert len(CODES) == 10
    for faults in (faults_of(1), faults_of(1, 540, is_long=True)):
        failing = [one for one in faults if one.kind is FaultKind.SERVER_ERROR]
        assert sorted(code_of(one.variant) for one in failing) == sorted(CODES)
    assert {one.duration_sec for one in failing} == {8}


def test_every_choice_of_failing_commands_can_be_drawn() -> None:
    assert {commands_of(number / 100) for number in range(100)} == set(COMMANDS)


def test_each_odd_document_is_inserted_once() -> None:
    odd = [one for one in faults_of(1) if one.kind is FaultKind.ODD_DOCUMENT]
    for target, known in ((Target.JOBS, JOB_ODDITIES), (Target.DELIVERIES, DELIVERY_ODDITIES)):
        variants = sorted(one.variant for one in odd if one.target is target)
        assert variants == list(range(len(known)))


def test_each_service_loses_its_descriptors_and_a_worker_its_disk() -> None:
    wants = {FaultKind.NO_DESCRIPTORS, FaultKind.NO_DISK}
    hit = [(one.target, one.kind) for one in faults_of(1) if one.kind in wants]
    assert sorted(hit) == [
        (Target.API, FaultKind.NO_DESCRIPTORS),
        (Target.NOTIFIER, FaultKind.NO_DESCRIPTORS),
        (Target.WORKER, FaultKind.NO_DESCRIPTORS),
        (Target.WORKER, FaultKind.NO_DISK),
    ]


def test_faults_can_be_left_out_and_the_others_stay() -> None:
    form = Form(150, lease_sec=6)
    left = draw_faults(1, form, without=["odd document", "SIGSTOP all"])
    gone = [one for one in draw_faults(1, form) if one not in left]
    assert {str(one) for one in gone} == {
        "odd document in jobs",
        "odd document in deliveries",
        "SIGSTOP all workers",
    }


def test_a_flood_of_long_jobs_comes_while_a_bystander_submits_quick_ones() -> None:
    submissions = draw_flood(1, first=100, jobs=20, seconds=60)
    plans = [plan for each in submissions for plan in each.plans]
    assert sorted(plan.number for plan in plans) == list(range(100, 100 + len(plans)))
    long = [plan for plan in plans if plan.key == HOSTILE]
    assert len(long) == 20
    assert all(plan.kind is Kind.STEADY and plan.priority == 9 for plan in long)
    quick = [each for each in submissions if each.key == BYSTANDER]
    assert len(quick) == 120
    assert [each.at for each in submissions] == sorted(each.at for each in submissions)
    assert submissions == draw_flood(1, first=100, jobs=20, seconds=60)
