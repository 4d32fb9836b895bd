"""The wait of a job beside a flood counts, unless no worker could have started the job."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chaos.ledger.interval import Interval
from chaos.ledger.recovery import HeldLease
from chaos.ledger.starts import backlogs, most_at_once, starts, without_jobs
from support.chaos_samples import ENDED, HELD, START, WAITING

ALWAYS = [Interval(0, 2 * START)]


def test_the_wait_of_a_job_lasts_from_its_insertion_to_its_first_claim() -> None:
    history = {"job-1": [WAITING, replace(HELD, at=START + 3), ENDED], "job-2": [WAITING, HELD]}
    (found,) = starts(history, {"job-1"}, ALWAYS)
    assert (found.job_id, found.seconds, found.counted_sec) == ("job-1", 3, 3)


def test_the_wait_of_a_scheduled_job_begins_when_it_is_due() -> None:
    later = replace(WAITING, run_at=START + 2)
    (found,) = starts({"job-1": [later, replace(HELD, at=START + 3)]}, {"job-1"}, ALWAYS)
    assert found.seconds == 1


@pytest.mark.parametrize(("begin", "counted"), [(START + 1, 2), (START + 3, 0)])
def test_time_in_which_no_worker_could_claim_does_not_count(begin: float, counted: float) -> None:
    history = {"job-1": [WAITING, replace(HELD, at=START + 3)]}
    (found,) = starts(history, {"job-1"}, [Interval(begin, begin + 60)])
    assert (found.seconds, found.counted_sec) == (3, counted)


def test_a_job_that_never_started_has_no_start() -> None:
    assert starts({"job-1": [WAITING]}, {"job-1", "job-2"}, ALWAYS) == []


def test_the_leases_of_the_flood_are_left_out() -> None:
    leases = [HeldLease(f"job-{n}", 1, "a", begin=0, end=1) for n in (1, 2)]
    assert [one.job_id for one in without_jobs(leases, {"job-1"})] == ["job-2"]


def test_the_most_jobs_at_once_are_those_whose_leases_overlap() -> None:
    leases = [
        HeldLease("job-1", 1, "a", begin=0, end=2),
        HeldLease("job-2", 1, "a", begin=1, end=3),
        HeldLease("job-3", 1, "b", begin=2, end=4),
        HeldLease("job-4", 1, "b", begin=1, end=4),
    ]
    assert most_at_once(leases, {"job-1", "job-2", "job-3"}) == 2
    assert most_at_once(leases, set()) == 0


def test_a_backlog_lasts_while_more_jobs_wait_than_a_few() -> None:
    history = {
        "job-1": [WAITING, replace(HELD, at=START + 4), ENDED],
        "job-2": [replace(WAITING, run_at=START + 1), replace(HELD, at=START + 3)],
        "job-3": [WAITING],
    }
    two = {"job-1", "job-2"}
    assert backlogs(history, two, above=1) == [Interval(START + 1, START + 3)]
    assert backlogs(history, two, above=2) == []
