"""The ledger finds runs that were committed twice, and steps that break the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from chaos.history import JobState
from chaos.ledger.evidence import Breach, ObservedEnd
from support.chaos_samples import ENDED, HELD, JOB, NONCE, START, WAITING, Case


def again(state: JobState, **changed: Any) -> JobState:
    return replace(state, at=state.at + 1, **changed)


def test_results_that_change_after_the_end_are_a_second_commit() -> None:
    late = {**(ENDED.results or {}), "nonce": "nonce-2"}
    case = Case(states=[WAITING, HELD, ENDED, again(ENDED, results=late)])
    assert (Breach.TWICE, "after its end in run 1 changed: results") in case.breaches()


def test_an_end_that_replaces_another_is_a_second_commit() -> None:
    case = Case(states=[WAITING, HELD, again(ENDED, status="failed", seq=2), ENDED])
    assert Breach.TWICE in [breach for breach, _ in case.breaches()]


def test_a_run_that_is_claimed_again_after_its_end_has_two_ends() -> None:
    held = again(ENDED, status="processing", attempt=2, seq=3, token="token-2")
    ended = again(held, status="completed", seq=4, token=None, settled_token="token-2")
    case = Case(states=[WAITING, HELD, ENDED, held, ended])
    breaches = case.breaches()
    assert (Breach.TWICE, "run 1 ended 2 times") in breaches
    assert (Breach.UNEXPECTED, "moved from completed to processing") in breaches


def test_an_end_that_a_client_saw_and_that_was_never_committed_is_a_second_commit() -> None:
    case = Case()
    case.answers.observed_ends.append(ObservedEnd(JOB, 1, 1, "completed", "another-nonce"))
    assert [breach for breach, _ in case.breaches()] == [Breach.TWICE]


def test_the_end_that_was_committed_may_be_seen() -> None:
    case = Case()
    case.answers.observed_ends.append(ObservedEnd(JOB, 1, 1, "completed", NONCE))
    assert case.breaches() == []


def test_an_end_of_an_earlier_run_may_have_been_seen() -> None:
    case = Case()
    case.retry()
    case.answers.observed_ends.append(ObservedEnd(JOB, 1, 1, "completed", NONCE))
    assert case.breaches() == []


@pytest.mark.parametrize(
    ("states", "what"),
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
        (
            [WAITING, HELD, again(HELD, progress_message="attempt 0")],
            "progress of attempt 0 in attempt 1",
        ),
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
def test_a_step_that_breaks_the_rules_is_found(states: list[JobState], what: str) -> None:
    assert (Breach.UNEXPECTED, what) in Case(states=states).breaches()


def test_steps_that_follow_the_rules_are_no_breach() -> None:
    reclaimed = again(HELD, token="token-2", owner="worker-b", attempt=2, seq=2, percent=None)
    given_back = again(
        reclaimed,
        status="pending",
        token=None,
        owner=None,
        forgiven=1,
        seq=3,
        settled_token="token-2",
    )
    held = again(given_back, status="processing", token="token-3", attempt=3, seq=4)
    states = [WAITING, replace(HELD, percent=90), reclaimed, given_back, held]
    case = Case(states=states, executions=[], webhooks=[])
    case.job.update(status="processing", attempt=3, forgiven=1)
    assert [breach for breach, _ in case.breaches()] == [Breach.STUCK]


def test_a_history_that_ends_in_another_state_is_found() -> None:
    case = Case(states=[WAITING, HELD])
    assert (Breach.UNEXPECTED, "the history does not lead to its state") in case.breaches()


def test_a_job_without_a_history_is_found() -> None:
    case = Case(states=[])
    assert (Breach.UNEXPECTED, "the history does not lead to its state") in case.breaches()
    assert ENDED.at > START
