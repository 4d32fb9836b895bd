"""The ledger finds results of the wrong attempt and ends of the wrong kind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chaos.evidence import Breach
from chaos.plan import Kind
from chaos.result import overlaps
from chaos.told import Order
from support.chaos_samples import ENDED, EXECUTION, HELD, JOB, PLAN, START, WAITING, Case, hook


def with_results(**changed: object) -> Case:
    case = Case()
    case.job["results"] = {**case.job["results"], **changed}
    case.hooks[-1] = replace(case.hooks[-1], data=case.job["results"])
    return case


@pytest.mark.parametrize("name", ["number", "run", "attempt"])
def test_results_of_another_job_run_or_attempt_are_wrong(name: str) -> None:
    assert [breach for breach, _ in with_results(**{name: 99}).breaches()] == [Breach.WRONG]


def test_results_no_execution_made_are_wrong() -> None:
    expected = [(Breach.WRONG, "no execution of attempt 1 has the nonce nonce-2")]
    assert with_results(nonce="nonce-2").breaches() == expected


def test_results_of_an_execution_of_another_attempt_are_wrong() -> None:
    case = Case(executions=[EXECUTION, replace(EXECUTION, attempt=0)])
    case.executions.reverse()
    assert Breach.WRONG in [breach for breach, _ in case.breaches()]


def test_no_results_are_wrong() -> None:
    case = Case()
    case.job["results"] = None
    assert Breach.WRONG in [breach for breach, _ in case.breaches()]


@pytest.mark.parametrize("kind", [Kind.DOOMED, Kind.OVERDUE, Kind.LETHAL])
def test_a_job_that_must_fail_and_completes_is_wrong(kind: Kind) -> None:
    case = Case(plan=replace(PLAN, kind=kind))
    assert case.breaches() == [(Breach.WRONG, f"a {kind} job completed")]


@pytest.mark.parametrize(
    ("kind", "code"),
    [(Kind.DOOMED, "CHAOS_DOOMED"), (Kind.OVERDUE, "JOB_TIMEOUT"), (Kind.LETHAL, "POISONED")],
)
def test_a_failure_as_expected_is_no_fault(kind: Kind, code: str) -> None:
    case = Case(plan=replace(PLAN, kind=kind))
    case.fail(code)
    assert case.breaches() == []


def test_an_unexpected_failure_is_wrong() -> None:
    case = Case()
    case.fail("PROCESSING_ERROR")
    assert [breach for breach, _ in case.breaches()] == [Breach.WRONG]


def test_a_worker_is_lost_for_good_only_after_the_last_attempt() -> None:
    case = Case()
    case.fail("WORKER_LOST")
    assert [breach for breach, _ in case.breaches()] == [Breach.WRONG]
    case.job["max_attempts"] = 1
    assert case.breaches() == []


def test_a_job_is_poison_only_if_two_workers_ended_in_the_middle_of_its_code() -> None:
    unended = replace(EXECUTION, ended_at=None, ending=None)
    once = Case(plan=replace(PLAN, kind=Kind.BLOCKING), executions=[unended])
    once.fail("POISONED")
    assert [breach for breach, _ in once.breaches()] == [Breach.WRONG]
    again = replace(unended, nonce="nonce-2", attempt=2)
    twice = Case(plan=replace(PLAN, kind=Kind.BLOCKING), executions=[unended, again])
    twice.fail("POISONED")
    assert Breach.WRONG not in [breach for breach, _ in twice.breaches()]
    steady = Case(plan=replace(PLAN, kind=Kind.STEADY), executions=[unended, again])
    steady.fail("POISONED")
    assert Breach.WRONG in [breach for breach, _ in steady.breaches()]


def test_a_cancellation_nobody_asked_for_is_wrong() -> None:
    case = Case()
    case.job.update(status="cancelled", results=None)
    case.moments[-1] = replace(ENDED, status="cancelled", results=None)
    case.hooks[-1] = hook("cancelled", 2, START + 2.1)
    assert case.breaches() == [(Breach.WRONG, "cancelled, and nobody asked for it")]
    case.told.cancelled.append(Order(JOB, START))
    assert case.breaches() == []


def test_an_attempt_that_was_run_twice_is_found() -> None:
    case = Case(executions=[EXECUTION, replace(EXECUTION, nonce="nonce-2")])
    assert case.breaches() == [(Breach.UNEXPECTED, "attempt 1 was run 2 times")]


def test_an_attempt_that_was_never_counted_is_found() -> None:
    case = Case(executions=[EXECUTION, replace(EXECUTION, nonce="nonce-2", attempt=2)])
    assert case.breaches() == [(Breach.UNEXPECTED, "attempt 2 was run, 1 were counted")]


def test_a_start_before_its_time_is_found() -> None:
    later = START + 5
    moments = [replace(one, run_at=later) for one in (WAITING, HELD, ENDED)]
    expected = [(Breach.UNEXPECTED, "attempt 1 started 3.90 s too early")]
    assert Case(moments=moments).breaches() == expected


def test_the_time_of_an_earlier_run_is_none_of_a_later_one() -> None:
    case = Case()
    cancelled = replace(WAITING, status="cancelled", seq=1, run_at=START + 60)
    again = replace(WAITING, run=2, seq=2)
    held, ended = (replace(one, run=2, seq=one.seq + 2) for one in (HELD, ENDED))
    case.moments = [replace(WAITING, run_at=START + 60), cancelled, again, held, ended]
    assert "too early" not in str(case.breaches())


def test_a_job_nobody_wanted_is_found() -> None:
    case = Case()
    case.told.accepted.clear()
    case.job["job_name"] = "somebody-else"
    assert (Breach.UNEXPECTED, "nobody wanted somebody-else") in case.breaches()


def test_executions_at_once_are_counted() -> None:
    second = replace(EXECUTION, nonce="nonce-2", attempt=2, started_at=EXECUTION.started_at + 0.5)
    after = replace(second, started_at=START + 3)
    killed = replace(EXECUTION, ended_at=None)
    assert overlaps([EXECUTION, second]) == 1
    assert overlaps([EXECUTION, after]) == 0
    assert overlaps([killed, second]) == 0
