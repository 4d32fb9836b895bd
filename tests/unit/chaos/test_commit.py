"""The ledger finds what was committed twice, and every step that breaks the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from chaos.evidence import Breach
from chaos.history import Moment
from chaos.told import Sight
from support.chaos_samples import ENDED, HELD, JOB, NONCE, START, WAITING, Case


def again(moment: Moment, **changed: Any) -> Moment:
    return replace(moment, at=moment.at + 1, **changed)


def test_results_that_change_after_the_end_are_a_second_commit() -> None:
    late = {**(ENDED.results or {}), "nonce": "nonce-2"}
    case = Case(moments=[WAITING, HELD, ENDED, again(ENDED, results=late)])
    assert (Breach.TWICE, "after its end in run 1 changed: results") in case.breaches()


def test_another_end_over_the_first_is_a_second_commit() -> None:
    case = Case(moments=[WAITING, HELD, again(ENDED, status="failed", seq=2), ENDED])
    assert Breach.TWICE in [breach for breach, _ in case.breaches()]


def test_a_run_that_is_held_again_after_its_end_has_two_ends() -> None:
    held = again(ENDED, status="processing", attempt=2, seq=3, token="token-2")
    ended = again(held, status="completed", seq=4, token=None, settled_by="token-2")
    case = Case(moments=[WAITING, HELD, ENDED, held, ended])
    breaches = case.breaches()
    assert (Breach.TWICE, "run 1 ended 2 times") in breaches
    assert (Breach.UNEXPECTED, "moved from completed to processing") in breaches


def test_an_end_a_client_saw_and_that_was_never_committed_is_a_second_commit() -> None:
    case = Case()
    case.told.sights.append(Sight(JOB, 1, 1, "completed", "nonce-of-a-ghost"))
    assert [breach for breach, _ in case.breaches()] == [Breach.TWICE]


def test_the_end_that_was_committed_may_be_seen() -> None:
    case = Case()
    case.told.sights.append(Sight(JOB, 1, 1, "completed", NONCE))
    assert case.breaches() == []


def test_an_end_of_an_earlier_run_may_have_been_seen() -> None:
    case = Case()
    case.retry()
    case.told.sights.append(Sight(JOB, 1, 1, "completed", NONCE))
    assert case.breaches() == []


@pytest.mark.parametrize(
    ("moments", "what"),
    [
        ([WAITING, ENDED], "moved from pending to completed"),
        (
            [WAITING, HELD, ENDED, again(ENDED, status="pending", seq=3)],
            "moved from completed to pending, run 1 to 1",
        ),
        (
            [WAITING, HELD, again(HELD, run=2, seq=2)],
            "moved from processing to processing, run 1 to 2",
        ),
        ([WAITING, replace(HELD, attempt=2)], "attempt 0 to 2 with a claim"),
        ([WAITING, HELD, again(HELD, token="token-2")], "attempt 1 to 1 with a claim"),
        ([WAITING, HELD, again(HELD, attempt=2)], "attempt 1 to 2 without a claim"),
        (
            [replace(WAITING, attempt=3), replace(HELD, attempt=4)],
            "attempt 4: only 3 + 0 allowed",
        ),
        ([WAITING, HELD, again(ENDED, seq=0)], "seq fell from 1 to 0"),
        ([WAITING, HELD, replace(ENDED, seq=1)], "processing became completed without a new seq"),
        ([WAITING, HELD, again(HELD, said="attempt 0")], "progress of attempt 0 in attempt 1"),
        (
            [WAITING, again(HELD, percent=50), again(HELD, percent=20)],
            "percent fell from 50 to 20",
        ),
        (
            [replace(WAITING, cancel_requested=True), replace(HELD, cancel_requested=True)],
            "claimed although its cancellation was requested",
        ),
    ],
)
def test_a_step_that_breaks_the_rules_is_found(moments: list[Moment], what: str) -> None:
    assert (Breach.UNEXPECTED, what) in Case(moments=moments).breaches()


def test_steps_by_the_rules_are_no_fault() -> None:
    reclaimed = again(HELD, token="token-2", owner="worker-b", attempt=2, seq=2, percent=None)
    given_back = again(
        reclaimed, status="pending", token=None, owner=None, forgiven=1, seq=3, settled_by="token-2"
    )
    held = again(given_back, status="processing", token="token-3", attempt=3, seq=4)
    moments = [WAITING, replace(HELD, percent=90), reclaimed, given_back, held]
    case = Case(moments=moments, executions=[], hooks=[])
    case.job.update(status="processing", attempt=3, forgiven=1)
    assert [breach for breach, _ in case.breaches()] == [Breach.STUCK]


def test_a_history_that_leads_elsewhere_is_found() -> None:
    case = Case(moments=[WAITING, HELD])
    assert (Breach.UNEXPECTED, "the history does not lead to its state") in case.breaches()


def test_a_job_without_a_history_is_found() -> None:
    case = Case(moments=[])
    assert (Breach.UNEXPECTED, "the history does not lead to its state") in case.breaches()
    assert ENDED.at > START
