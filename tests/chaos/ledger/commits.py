"""Ledger checks: each job's history follows the rules, and each run was committed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from chaos.history import JobState
from chaos.ledger.evidence import TERMINAL, Breach, Evidence, Violation, Violations

# A second copy on purpose: the ledger does not trust the code under test.
TRANSITIONS = {
    "pending": {"pending", "processing", "cancelled"},
    "processing": {"processing", "pending", "completed", "failed", "cancelled"},
    "completed": {"completed", "pending"},
    "failed": {"failed", "pending"},
    "cancelled": {"cancelled", "pending"},
}
Rule = Callable[[JobState, JobState], str | None]
"""Returns what is wrong with the step from one state to the next; None if it is correct."""


def check(evidence: Evidence) -> Violations:
    """Yield violations in what was committed."""
    for job_id, job in evidence.jobs.items():
        states = evidence.history.get(job_id, [])
        if not states or states[-1].status != job["status"]:
            yield Violation(Breach.UNEXPECTED, job_id, "the history does not lead to its state")
        yield from _check_job(job_id, states)
    yield from _uncommitted_ends(evidence)


def _check_job(job_id: str, states: Sequence[JobState]) -> Violations:
    for before, after in pairwise(states):
        if message := _committed_again(before, after):
            yield Violation(Breach.TWICE, job_id, message)
        for rule in RULES:
            if message := rule(before, after):
                yield Violation(Breach.UNEXPECTED, job_id, message)
    runs = [after.run for before, after in pairwise(states) if _ends(before, after)]
    for run in {run for run in runs if runs.count(run) > 1}:
        yield Violation(Breach.TWICE, job_id, f"run {run} ended {runs.count(run)} times")


def _ends(before: JobState, after: JobState) -> bool:
    return after.status in TERMINAL and before.status not in TERMINAL


def _committed_again(before: JobState, after: JobState) -> str | None:
    """Return what was changed after the end of the run; None if nothing was."""
    if before.status not in TERMINAL or after.run != before.run:
        return None
    names = ("status", "results", "error_code", "settled_token", "attempt", "seq")
    changed = [name for name in names if getattr(before, name) != getattr(after, name)]
    return f"after its end in run {before.run} changed: {', '.join(changed)}" if changed else None


def _transition_is_allowed(before: JobState, after: JobState) -> str | None:
    if after.status not in TRANSITIONS[before.status]:
        return f"moved from {before.status} to {after.status}"
    retried = before.status in TERMINAL and after.status == "pending"
    if retried is not (after.run == before.run + 1):
        return f"moved from {before.status} to {after.status}, run {before.run} to {after.run}"
    return None


def _attempts_count_claims(before: JobState, after: JobState) -> str | None:
    claimed = after.token is not None and after.token != before.token
    if after.attempt != before.attempt + claimed:
        how = "with" if claimed else "without"
        return f"attempt {before.attempt} to {after.attempt} {how} a claim"
    if claimed and after.attempt - after.forgiven > after.max_attempts:
        return f"attempt {after.attempt}: only {after.max_attempts} + {after.forgiven} allowed"
    return None


def _counters_never_fall(before: JobState, after: JobState) -> str | None:
    for name in ("seq", "forgiven", "run"):
        if getattr(after, name) < getattr(before, name):
            return f"{name} fell from {getattr(before, name)} to {getattr(after, name)}"
    if after.seq == before.seq and after.status != before.status:
        return f"{before.status} became {after.status} without a new seq"
    return None


def _progress_is_of_this_attempt(before: JobState, after: JobState) -> str | None:
    if (
        after.progress_message
        and after.progress_message.startswith("attempt ")
        and after.progress_message != f"attempt {after.attempt}"
    ):
        return f"progress of {after.progress_message} in attempt {after.attempt}"
    same = before.token is not None and before.token == after.token
    if same and (after.percent or 0) < (before.percent or 0):
        return f"percent fell from {before.percent} to {after.percent}"
    return None


def _cancelled_is_not_claimed(before: JobState, after: JobState) -> str | None:
    claimed = after.token is not None and after.token != before.token
    if before.cancel_requested and claimed:
        return "claimed although its cancellation was requested"
    return None


RULES: Sequence[Rule] = (
    _transition_is_allowed,
    _attempts_count_claims,
    _counters_never_fall,
    _progress_is_of_this_attempt,
    _cancelled_is_not_claimed,
)


def _uncommitted_ends(evidence: Evidence) -> Violations:
    """Yield ends that a client saw and that were never committed."""
    for end in evidence.answers.observed_ends:
        states = evidence.history.get(end.job_id, [])
        if not any(_is_the_end(end.status, end.nonce, end.run, one) for one in states):
            message = f"seen as {end.status} in run {end.run}, attempt {end.attempt}"
            yield Violation(Breach.TWICE, end.job_id, f"{message}: this was never committed")


def _is_the_end(status: str, nonce: str | None, run: int, state: JobState) -> bool:
    committed = (state.results or {}).get("nonce")
    return (state.status, committed, state.run) == (status, nonce, run)
