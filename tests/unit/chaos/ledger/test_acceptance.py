"""The ledger finds accepted jobs that are missing, duplicated, or have not ended."""

from __future__ import annotations

from dataclasses import replace

from chaos.ledger.evidence import Acceptance, AcceptedAction, Breach
from support.chaos_samples import ALL, DOCUMENT, JOB, REF, START, WAITING, Case


def test_evidence_without_faults_has_no_breach() -> None:
    assert Case().breaches() == []


def test_evidence_with_a_retry_has_no_breach() -> None:
    case = Case()
    case.retry()
    case.answers.retried.append(AcceptedAction(JOB, START + 3))
    assert case.breaches() == []


def test_an_accepted_job_that_is_not_stored_is_lost() -> None:
    case = Case()
    case.answers.accepted.append(Acceptance("chaos-1-8", "job-2", START, replayed=False))
    assert case.breaches() == [(Breach.LOST, "chaos-1-8 was accepted")]


def test_a_job_that_was_executed_and_is_not_stored_is_lost() -> None:
    case = Case(webhooks=[])
    del case.jobs[JOB]
    assert (Breach.LOST, "it was executed, and is not in MongoDB") in case.breaches()


def test_a_job_that_was_never_accepted_is_found() -> None:
    case = Case(executions=[], webhooks=[], states=[])
    case.answers.accepted.clear()
    case.jobs.clear()
    assert case.breaches() == [(Breach.UNEXPECTED, "it was never accepted")]


def test_an_answer_that_names_another_job_is_wrong() -> None:
    case = Case()
    case.answers.accepted[0] = replace(case.answers.accepted[0], ref="chaos-1-8")
    assert (Breach.WRONG, f"chaos-1-8 was accepted, {REF} is stored") in case.breaches()


def test_a_job_that_has_not_ended_is_stuck() -> None:
    case = Case(states=[WAITING], executions=[], webhooks=[])
    case.job.update(status="pending", attempt=0)
    assert [breach for breach, _ in case.breaches()] == [Breach.STUCK]


def test_two_jobs_under_one_key_are_a_duplicate() -> None:
    case = Case(executions=[], webhooks=[])
    case.jobs["job-2"] = {**DOCUMENT, "_id": "job-2"}
    assert (Breach.DUPLICATED, f"{REF}: {JOB}, job-2") in case.breaches()


def test_a_repeat_that_gets_another_job_is_a_duplicate() -> None:
    case = Case()
    case.answers.accepted.append(Acceptance(REF, "job-2", START, replayed=True))
    assert (Breach.DUPLICATED, f"{REF}: {JOB}, job-2") in case.breaches()


def test_a_repeat_that_is_not_marked_as_replayed_is_a_breach() -> None:
    case = Case()
    case.answers.accepted.append(Acceptance(REF, JOB, START, replayed=False))
    assert case.breaches() == [(Breach.DUPLICATED, f"{REF}: not replayed")]


def test_without_idempotency_repeats_are_no_breach() -> None:
    case = Case(features=replace(ALL, idempotency=False), webhooks=[], executions=[])
    case.jobs["job-2"] = {**DOCUMENT, "_id": "job-2"}
    assert Breach.DUPLICATED not in [breach for breach, _ in case.breaches()]


def test_an_incomplete_batch_is_lost() -> None:
    case = Case(batches=frozenset({frozenset({REF, "chaos-1-8"})}))
    case.job["batch_id"] = "batch-1"
    assert case.breaches() == [(Breach.LOST, f"of its batch only ['{REF}'] are stored")]


def test_a_complete_batch_is_no_breach() -> None:
    case = Case(batches=frozenset({frozenset({REF})}))
    case.job["batch_id"] = "batch-1"
    assert case.breaches() == []


def test_an_accepted_cancellation_without_effect_is_lost() -> None:
    case = Case()
    case.answers.cancelled.append(AcceptedAction(JOB, START + 1))
    assert case.breaches() == [(Breach.LOST, "its cancellation was accepted")]


def test_an_accepted_retry_without_a_new_run_is_lost() -> None:
    case = Case()
    case.answers.retried.append(AcceptedAction(JOB, START + 3))
    assert case.breaches() == [(Breach.LOST, "1 retries were accepted, it is in run 1")]


def test_error_answers_and_crashes_are_breaches() -> None:
    case = Case(crashes=["secretary-worker-1 (pid 1) ended by itself"])
    case.answers.errors.append("chaos-1-7: 422")
    assert [breach for breach, _ in case.breaches()] == [Breach.UNEXPECTED] * 2
