"""Of the ledger: each job's history went by the rules, and each run was committed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from chaos.evidence import TERMINAL, Breach, Evidence, Violation, Violations
from chaos.history import Moment

# Written down a second time on purpose: the ledger does not believe the code under test.
MOVES = {
    "pending": {"pending", "processing", "cancelled"},
    "processing": {"processing", "pending", "completed", "failed", "cancelled"},
    "completed": {"completed", "pending"},
    "failed": {"failed", "pending"},
    "cancelled": {"cancelled", "pending"},
}
Rule = Callable[[Moment, Moment], str | None]
"""What is wrong with the step from one moment to the next; None: nothing."""


def check(evidence: Evidence) -> Violations:
    """Everything that is wrong with what was committed."""
    for job_id, job in evidence.jobs.items():
        moments = evidence.history.get(job_id, [])
        if not moments or moments[-1].status != job["status"]:
            yield Violation(Breach.UNEXPECTED, job_id, "the history does not lead to its state")
        yield from _check_job(job_id, moments)
    yield from _told_twice(evidence)


def _check_job(job_id: str, moments: Sequence[Moment]) -> Violations:
    for before, after in pairwise(moments):
        if what := _committed_again(before, after):
            yield Violation(Breach.TWICE, job_id, what)
        for rule in RULES:
            if what := rule(before, after):
                yield Violation(Breach.UNEXPECTED, job_id, what)
    runs = [after.run for before, after in pairwise(moments) if _ends(before, after)]
    for run in {run for run in runs if runs.count(run) > 1}:
        yield Violation(Breach.TWICE, job_id, f"run {run} ended {runs.count(run)} times")


def _ends(before: Moment, after: Moment) -> bool:
    return after.status in TERMINAL and before.status not in TERMINAL


def _committed_again(before: Moment, after: Moment) -> str | None:
    """An end that was changed afterwards, within its run."""
    if before.status not in TERMINAL or after.run != before.run:
        return None
    names = ("status", "results", "error_code", "settled_by", "attempt", "seq")
    changed = [name for name in names if getattr(before, name) != getattr(after, name)]
    return f"after its end in run {before.run} changed: {', '.join(changed)}" if changed else None


def _by_the_chart(before: Moment, after: Moment) -> str | None:
    if after.status not in MOVES[before.status]:
        return f"moved from {before.status} to {after.status}"
    retried = before.status in TERMINAL and after.status == "pending"
    if retried is not (after.run == before.run + 1):
        return f"moved from {before.status} to {after.status}, run {before.run} to {after.run}"
    return None


def _attempts_rise(before: Moment, after: Moment) -> str | None:
    claimed = after.token is not None and after.token != before.token
    if after.attempt != before.attempt + claimed:
        how = "with" if claimed else "without"
        return f"attempt {before.attempt} to {after.attempt} {how} a claim"
    if claimed and after.attempt - after.forgiven > after.max_attempts:
        return f"attempt {after.attempt}: only {after.max_attempts} + {after.forgiven} allowed"
    return None


def _nothing_falls(before: Moment, after: Moment) -> str | None:
    for name in ("seq", "forgiven", "run"):
        if getattr(after, name) < getattr(before, name):
            return f"{name} fell from {getattr(before, name)} to {getattr(after, name)}"
    if after.seq == before.seq and after.status != before.status:
        return f"{before.status} became {after.status} without a new seq"
    return None


def _progress_is_its_own(before: Moment, after: Moment) -> str | None:
    if (
        after.said
        and after.said.startswith("attempt ")
        and after.said != f"attempt {after.attempt}"
    ):
        return f"progress of {after.said} in attempt {after.attempt}"
    same = before.token is not None and before.token == after.token
    if same and (after.percent or 0) < (before.percent or 0):
        return f"percent fell from {before.percent} to {after.percent}"
    return None


def _cancelled_stays(before: Moment, after: Moment) -> str | None:
    claimed = after.token is not None and after.token != before.token
    if before.cancel_requested and claimed:
        return "claimed although its cancellation was requested"
    return None


RULES: Sequence[Rule] = (
    _by_the_chart,
    _attempts_rise,
    _nothing_falls,
    _progress_is_its_own,
    _cancelled_stays,
)


def _told_twice(evidence: Evidence) -> Violations:
    """An end a client saw that is not the one which was committed."""
    for sight in evidence.told.sights:
        moments = evidence.history.get(sight.job_id, [])
        if not any(_is_seen(sight.status, sight.nonce, sight.run, one) for one in moments):
            what = f"seen as {sight.status} in run {sight.run}, attempt {sight.attempt}"
            yield Violation(Breach.TWICE, sight.job_id, f"{what}: that was never committed")


def _is_seen(status: str, nonce: str | None, run: int, moment: Moment) -> bool:
    committed = (moment.results or {}).get("nonce")
    return (moment.status, committed, moment.run) == (status, nonce, run)
