"""The ledger finds results of the wrong attempt and ends of the wrong kind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chaos.ledger.evidence import AcceptedAction, Breach
from chaos.ledger.results import overlaps
from chaos.plan import Kind
from support.chaos_samples import ENDED, EXECUTION, HELD, JOB, PLAN, START, WAITING, Case, webhook


def with_results(**changed: object) -> Case:
    case = Case()
    case.job["results"] = {**case.job["results"], **changed}
    case.webhooks[-1] = replace(case.webhooks[-1], data=case.job["results"])
    return case


@pytest.mark.parametrize("name", ["number", "run", "attempt"])
def test_results_of_another_job_run_or_attempt_are_wrong(name: str) -> None:
    assert [breach for breach, _ in with_results(**{name: 99}).breaches()] == [Breach.WRONG]


def test_results_of_no_execution_are_wrong() -> None:
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


@pytest.mark.parametrize("kind", [Kind.DOOMED, Kind.OVERDUE, Kind.LETHAL, Kind.FREEZING])
def test_a_job_that_must_fail_and_completes_is_wrong(kind: Kind) -> None:
    case = Case(plan=replace(PLAN, kind=kind))
    assert case.breaches() == [(Breach.WRONG, f"a {kind} job completed")]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.DOOMED, "CHAOS_DOOMED"),
        (Kind.OVERDUE, "JOB_TIMEOUT"),
        (Kind.LETHAL, "POISONED"),
        (Kind.FREEZING, "POISONED"),
    ],
)
def test_an_expected_failure_is_no_breach(kind: Kind, code: str) -> None:
    raised = replace(EXECUTION, ending="PermanentError")
    case = Case(plan=replace(PLAN, kind=kind), executions=[raised])
    case.fail(code)
    assert case.breaches() == []


@pytest.mark.parametrize("code", ["PROCESSING_ERROR", "WORKER_LOST", "NO_ROOM", "POISONED"])
@pytest.mark.parametrize("kind", [Kind.QUICK, Kind.STEADY, Kind.FILING, Kind.PARSING])
def test_a_failure_that_the_handler_did_not_cause_is_found(kind: Kind, code: str) -> None:
    case = Case(plan=replace(PLAN, kind=kind))
    case.fail(code)
    case.job["lost_leases"] = 10
    assert [breach for breach, _ in case.breaches()] == [Breach.BLAMELESS]


def test_a_handler_that_never_raised_has_not_failed_its_job() -> None:
    case = Case(plan=replace(PLAN, kind=Kind.DOOMED))
    case.fail("CHAOS_DOOMED")
    assert [breach for breach, _ in case.breaches()] == [Breach.BLAMELESS]


def test_a_flaky_job_fails_only_if_its_handler_failed_as_often_as_it_may() -> None:
    failed = replace(EXECUTION, ending="TransientError")
    cut = replace(EXECUTION, nonce="nonce-2", attempt=2, ending="CancelledError")
    case = Case(plan=replace(PLAN, kind=Kind.FLAKY), executions=[failed, cut])
    case.job.update(max_attempts=2, attempt=2)
    case.fail("CHAOS_FLAKY")
    assert Breach.BLAMELESS in [breach for breach, _ in case.breaches()]
    case.executions[1] = replace(cut, ending="TransientError")
    assert Breach.BLAMELESS not in [breach for breach, _ in case.breaches()]


def test_a_job_is_poison_only_if_two_workers_ended_in_the_middle_of_its_code() -> None:
    unended = replace(EXECUTION, ended_at=None, ending=None)
    once = Case(plan=replace(PLAN, kind=Kind.BLOCKING), executions=[unended])
    once.fail("POISONED")
    assert [breach for breach, _ in once.breaches()] == [Breach.BLAMELESS]
    again = replace(unended, nonce="nonce-2", attempt=2)
    twice = Case(plan=replace(PLAN, kind=Kind.BLOCKING), executions=[unended, again])
    twice.fail("POISONED")
    assert Breach.BLAMELESS not in [breach for breach, _ in twice.breaches()]
    steady = Case(plan=replace(PLAN, kind=Kind.STEADY), executions=[unended, again])
    steady.fail("POISONED")
    assert Breach.BLAMELESS in [breach for breach, _ in steady.breaches()]


def test_a_cancellation_without_a_request_is_wrong() -> None:
    case = Case()
    case.job.update(status="cancelled", results=None)
    case.states[-1] = replace(ENDED, status="cancelled", results=None)
    case.webhooks[-1] = webhook("cancelled", 2, START + 2.1)
    assert case.breaches() == [(Breach.WRONG, "cancelled without a request")]
    case.answers.cancelled.append(AcceptedAction(JOB, START))
    assert case.breaches() == []


def test_an_attempt_that_was_executed_twice_is_found() -> None:
    case = Case(executions=[EXECUTION, replace(EXECUTION, nonce="nonce-2")])
    assert case.breaches() == [(Breach.UNEXPECTED, "attempt 1 was executed 2 times")]


def test_an_attempt_that_was_never_counted_is_found() -> None:
    case = Case(executions=[EXECUTION, replace(EXECUTION, nonce="nonce-2", attempt=2)])
    assert case.breaches() == [(Breach.UNEXPECTED, "attempt 2 was executed, 1 were counted")]


def test_a_start_before_run_at_is_found() -> None:
    later = START + 5
    states = [replace(one, run_at=later) for one in (WAITING, HELD, ENDED)]
    expected = [(Breach.UNEXPECTED, "attempt 1 started 3.90 s too early")]
    assert Case(states=states).breaches() == expected


def test_run_at_of_an_earlier_run_does_not_bind_a_later_run() -> None:
    case = Case()
    cancelled = replace(WAITING, status="cancelled", seq=1, run_at=START + 60)
    again = replace(WAITING, run=2, seq=2)
    held, ended = (replace(one, run=2, seq=one.seq + 2) for one in (HELD, ENDED))
    case.states = [replace(WAITING, run_at=START + 60), cancelled, again, held, ended]
    assert "too early" not in str(case.breaches())


def test_a_job_without_a_plan_is_found() -> None:
    case = Case()
    case.answers.accepted.clear()
    case.job["job_name"] = "unknown-job"
    assert (Breach.UNEXPECTED, "no plan for unknown-job") in case.breaches()


def test_overlapping_executions_are_counted() -> None:
    second = replace(EXECUTION, nonce="nonce-2", attempt=2, started_at=EXECUTION.started_at + 0.5)
    after = replace(second, started_at=START + 3)
    killed = replace(EXECUTION, ended_at=None)
    assert overlaps([EXECUTION, second]) == 1
    assert overlaps([EXECUTION, after]) == 0
    assert overlaps([killed, second]) == 0
