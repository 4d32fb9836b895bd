"""The ledger finds what was accepted and is not there, there twice, or not at its end."""

from __future__ import annotations

from dataclasses import replace

from chaos.evidence import Breach
from chaos.told import Acceptance, Order
from support.chaos_samples import ALL, DOCUMENT, JOB, REF, START, WAITING, Case


def test_a_good_round_has_no_fault() -> None:
    assert Case().breaches() == []


def test_a_good_round_with_a_retry_has_no_fault() -> None:
    case = Case()
    case.retry()
    case.told.retried.append(Order(JOB, START + 3))
    assert case.breaches() == []


def test_an_accepted_job_that_is_not_stored_is_lost() -> None:
    case = Case()
    case.told.accepted.append(Acceptance("chaos-1-8", "job-2", START, replayed=False))
    assert case.breaches() == [(Breach.LOST, "chaos-1-8 was accepted")]


def test_a_job_that_was_run_and_is_not_stored_is_lost() -> None:
    case = Case(hooks=[])
    del case.jobs[JOB]
    assert (Breach.LOST, "it was run, and is not in MongoDB") in case.breaches()


def test_a_job_that_was_never_accepted_is_found() -> None:
    case = Case(executions=[], hooks=[], moments=[])
    case.told.accepted.clear()
    case.jobs.clear()
    assert case.breaches() == [(Breach.UNEXPECTED, "it was never accepted")]


def test_an_answer_that_names_another_job_is_wrong() -> None:
    case = Case()
    case.told.accepted[0] = replace(case.told.accepted[0], ref="chaos-1-8")
    assert (Breach.WRONG, f"chaos-1-8 was accepted, {REF} is stored") in case.breaches()


def test_a_job_that_has_not_ended_is_stuck() -> None:
    case = Case(moments=[WAITING], executions=[], hooks=[])
    case.job.update(status="pending", attempt=0)
    assert [breach for breach, _ in case.breaches()] == [Breach.STUCK]


def test_two_jobs_under_one_key_are_a_duplicate() -> None:
    case = Case(executions=[], hooks=[])
    case.jobs["job-2"] = {**DOCUMENT, "_id": "job-2"}
    assert (Breach.DUPLICATED, f"{REF}: {JOB}, job-2") in case.breaches()


def test_a_repeat_that_is_told_another_job_is_a_duplicate() -> None:
    case = Case()
    case.told.accepted.append(Acceptance(REF, "job-2", START, replayed=True))
    assert (Breach.DUPLICATED, f"{REF}: {JOB}, job-2") in case.breaches()


def test_a_repeat_that_is_not_called_one_is_a_fault() -> None:
    case = Case()
    case.told.accepted.append(Acceptance(REF, JOB, START, replayed=False))
    assert case.breaches() == [(Breach.DUPLICATED, f"{REF}: not replayed")]


def test_without_idempotency_repeats_are_no_fault() -> None:
    case = Case(features=replace(ALL, idempotency=False), hooks=[], executions=[])
    case.jobs["job-2"] = {**DOCUMENT, "_id": "job-2"}
    assert Breach.DUPLICATED not in [breach for breach, _ in case.breaches()]


def test_half_a_batch_is_lost() -> None:
    case = Case(batches=frozenset({frozenset({REF, "chaos-1-8"})}))
    case.job["batch_id"] = "batch-1"
    assert case.breaches() == [(Breach.LOST, f"of its batch only ['{REF}'] are stored")]


def test_a_whole_batch_is_no_fault() -> None:
    case = Case(batches=frozenset({frozenset({REF})}))
    case.job["batch_id"] = "batch-1"
    assert case.breaches() == []


def test_an_accepted_cancellation_without_a_trace_is_lost() -> None:
    case = Case()
    case.told.cancelled.append(Order(JOB, START + 1))
    assert case.breaches() == [(Breach.LOST, "its cancellation was accepted")]


def test_an_accepted_retry_without_a_new_run_is_lost() -> None:
    case = Case()
    case.told.retried.append(Order(JOB, START + 3))
    assert case.breaches() == [(Breach.LOST, "1 retries were accepted, it is in run 1")]


def test_refusals_and_crashes_are_faults() -> None:
    case = Case(crashes=["secretary-worker-1 (pid 1) ended by itself"])
    case.told.refusals.append("chaos-1-7: 422")
    assert [breach for breach, _ in case.breaches()] == [Breach.UNEXPECTED] * 2
