"""The ledger finds ends that were not told, told in two forms, or followed by progress."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chaos.evidence import Breach
from chaos.webhook import repeats
from support.chaos_samples import JOB, START, Case, hook

END = hook("completed", 2, START + 2.1)
UNTOLD = (Breach.UNTOLD, "the end of run 1 was never told")


@pytest.mark.parametrize("status", [0, 410, 500, 503])
def test_an_end_that_was_never_taken_is_missing(status: int) -> None:
    assert Case(hooks=[replace(END, status=status)]).breaches() == [UNTOLD]
    assert Case(hooks=[]).breaches() == [UNTOLD]


def test_an_end_that_was_taken_in_the_end_is_no_fault() -> None:
    assert Case(hooks=[replace(END, status=500), replace(END, at=END.at + 1)]).breaches() == []


def test_the_end_of_an_earlier_run_must_be_told_too() -> None:
    case = Case()
    case.retry()
    case.hooks = [one for one in case.hooks if one.run == 2]
    assert case.breaches() == [UNTOLD]


def test_the_end_of_an_earlier_run_may_be_overtaken() -> None:
    case = Case(superseded=frozenset({(JOB, 1)}))
    case.retry()
    case.hooks = [one for one in case.hooks if one.run == 2]
    assert case.breaches() == []


def test_the_end_of_the_last_run_is_never_overtaken() -> None:
    assert Case(hooks=[], superseded=frozenset({(JOB, 1)})).breaches() == [UNTOLD]


def test_one_event_with_two_bodies_is_a_second_commit() -> None:
    case = Case(hooks=[END, replace(END, body=END.body + b" ")])
    assert case.breaches() == [(Breach.TWICE, f"msg_{JOB}_2 came with 2 different bodies")]


def test_the_end_of_a_run_under_two_ids_is_a_second_commit() -> None:
    case = Case(hooks=[END, hook("completed", 3, START + 3)])
    expected = f"the end of run 1 was told as msg_{JOB}_2, msg_{JOB}_3"
    assert case.breaches() == [(Breach.TWICE, expected)]


def test_the_same_bytes_again_are_no_fault_and_counted() -> None:
    hooks = [END, replace(END, at=END.at + 1)]
    assert Case(hooks=hooks).breaches() == []
    assert repeats(hooks) == 1
    assert repeats([replace(END, status=500), END]) == 0


def test_progress_after_the_end_is_found() -> None:
    late = hook("processing", 1, END.at + 0.5)
    expected = "progress (seq 1) came 0.50 s after the end (seq 2)"
    assert Case(hooks=[END, late]).breaches() == [(Breach.UNEXPECTED, expected)]


def test_progress_of_the_next_run_is_no_fault() -> None:
    case = Case()
    case.retry()
    case.hooks.insert(2, hook("processing", 4, START + 4.5, run=2))
    assert case.breaches() == []


def test_an_end_that_tells_other_results_is_wrong() -> None:
    case = Case(hooks=[replace(END, data={"number": 8})])
    assert [breach for breach, _ in case.breaches()] == [Breach.WRONG]


def test_an_end_of_another_kind_is_wrong() -> None:
    case = Case(hooks=[hook("failed", 2, START + 2.1)])
    assert case.breaches() == [(Breach.WRONG, "told as failed, is completed")]


def test_a_bad_signature_is_found() -> None:
    case = Case(hooks=[replace(END, signature_fault="no signature matches")])
    assert case.breaches() == [(Breach.UNEXPECTED, f"msg_{JOB}_2: no signature matches")]


def test_an_id_that_does_not_name_its_event_is_found() -> None:
    case = Case(hooks=[replace(END, webhook_id="msg_other_2")])
    assert case.breaches() == [(Breach.UNEXPECTED, "webhook-id 'msg_other_2' for seq 2")]


def test_progress_nobody_wanted_is_found() -> None:
    case = Case()
    case.job["webhook"] = {"progress": False}
    assert case.breaches() == [(Breach.UNEXPECTED, "progress was told and not wanted")]


def test_webhooks_of_a_job_that_is_not_stored_tell_of_its_loss() -> None:
    case = Case(executions=[])
    case.jobs.clear()
    assert (Breach.LOST, "its webhooks came, and it is not in MongoDB") in case.breaches()
