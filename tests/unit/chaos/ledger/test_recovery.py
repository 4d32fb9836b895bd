"""Recovery lasts from the kill to the next claim, less the time in which no worker could claim."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chaos.ledger.interval import Interval
from chaos.ledger.recovery import (
    FOREVER,
    HeldLease,
    WorkerProcess,
    WorkerSettings,
    claimable_times,
    leases_of,
    recoveries,
)
from support.chaos_samples import ENDED, HELD, JOB, START, WAITING

SETTINGS = WorkerSettings(slots=2, heartbeat_sec=1.0, contact_retry_sec=0.5)
KILLED = WorkerProcess("a", "worker-1", started_at=0, ended_at=100, killed=True)
OTHER = WorkerProcess("b", "worker-2", started_at=0)
LOST = HeldLease("job-1", 1, "a", begin=95, end=107)


def measured(
    *leases: HeldLease,
    processes: tuple[WorkerProcess, ...] = (KILLED, OTHER),
    outages: tuple[Interval, ...] = (),
    unavailable: tuple[tuple[str, Interval], ...] = (),
) -> list[tuple[float, float]]:
    found = recoveries(
        leases, processes, outages=outages, unavailable=unavailable, settings=SETTINGS
    )
    return [(one.seconds, one.counted_sec) for one in found]


def test_with_a_free_slot_and_a_primary_the_whole_time_counts() -> None:
    assert measured(LOST) == [(7, 7)]


def test_an_outage_and_the_reclaim_delay_after_it_do_not_count() -> None:
    assert measured(LOST, outages=(Interval(101, 103),)) == [(7, 7 - 2 - 1.5)]


def test_time_with_full_slots_does_not_count() -> None:
    busy = [HeldLease(f"job-{n}", 1, "b", begin=90, end=104) for n in (2, 3)]
    assert measured(LOST, *busy) == [(7, 3)]


def test_one_free_slot_of_two_counts() -> None:
    assert measured(LOST, HeldLease("job-2", 1, "b", begin=90, end=104)) == [(7, 7)]


def test_an_unavailable_worker_has_no_free_slot() -> None:
    unavailable = (("worker-2", Interval(99, 103)), ("worker-3", Interval(0, 200)))
    assert measured(LOST, unavailable=unavailable) == [(7, 7 - 3 - 1.5)]


def test_a_worker_claims_from_one_heartbeat_after_its_start_until_its_end() -> None:
    late = WorkerProcess("b", "worker-2", started_at=101, ended_at=105)
    assert measured(LOST, processes=(KILLED, late)) == [(7, 3)]


def test_the_last_write_of_a_killed_worker_is_no_recovery() -> None:
    assert measured(HeldLease("job-1", 1, "a", begin=95, end=100.4)) == []


def test_a_claim_that_arrives_after_its_worker_was_killed_is_measured_from_the_claim() -> None:
    assert measured(HeldLease("job-1", 1, "a", begin=100.2, end=106.2)) == [(6, 6)]


def test_jobs_of_running_workers_and_jobs_never_claimed_again_are_no_recoveries() -> None:
    assert measured(HeldLease("job-1", 1, "b", begin=95, end=120)) == []
    assert measured(replace(LOST, end=FOREVER)) == []


def test_a_drained_worker_was_not_killed() -> None:
    drained = replace(KILLED, killed=False)
    assert measured(LOST, processes=(drained, OTHER)) == []


def test_leases_are_read_from_the_history() -> None:
    reclaimed = replace(HELD, at=START + 7, attempt=2, seq=2, owner="worker-b", token="token-2")
    ended = replace(ENDED, at=START + 8)
    progressed = replace(HELD, at=START + 1.5, seq=2, percent=10)
    assert leases_of({JOB: [WAITING, HELD, progressed, reclaimed, ended], "job-2": [WAITING]}) == [
        HeldLease(JOB, 1, "worker-a", START + 1, START + 7),
        HeldLease(JOB, 2, "worker-b", START + 7, START + 8),
    ]
    assert leases_of({JOB: [WAITING, HELD]}) == [HeldLease(JOB, 1, "worker-a", START + 1, FOREVER)]


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_a_worker_is_full_when_every_slot_is_held(slots: int) -> None:
    leases = [HeldLease(f"job-{n}", 1, "b", begin=10 + n, end=20) for n in range(2)]
    claimable = claimable_times(
        leases, [OTHER], outages=(), unavailable=(), settings=replace(SETTINGS, slots=slots)
    )
    full_from = {1: 10.0, 2: 11.0}.get(slots)
    expected = [Interval(1.0, FOREVER)]
    if full_from:
        expected = [Interval(1.0, full_from), Interval(20.0, FOREVER)]
    assert claimable == expected
