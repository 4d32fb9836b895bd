"""Ledger checks: each job ended as its kind must, with the results of the attempt that settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from chaos.execution_log import Execution
from chaos.ledger.evidence import TERMINAL, Breach, Evidence, JsonObject, Violation, Violations
from chaos.plan import DOOMED, FLAKY, JobPlan, Kind

POISONED = "POISONED"
# The error with which each kind of job ends; other kinds complete.
ERRORS = {
    Kind.DOOMED: DOOMED,
    Kind.OVERDUE: "JOB_TIMEOUT",
    Kind.LETHAL: POISONED,
    Kind.FREEZING: POISONED,
}
# The exception that a handler of each kind raises on purpose.
RAISED = {Kind.DOOMED: "PermanentError", Kind.FLAKY: "TransientError"}
POISON_AFTER = 2
"""A job fails as poisoned when this many workers ended while its code ran."""
EARLY_SEC = 0.5
"""A start may be early by this much, because clocks of several processes are compared."""

ByJob = Mapping[str, Sequence[Execution]]


def check(evidence: Evidence) -> Violations:
    """Yield violations in ends, results and executions."""
    by_job: defaultdict[str, list[Execution]] = defaultdict(list)
    for execution in evidence.executions:
        by_job[execution.job_id].append(execution)
    cancellable = {order.job_id for order in evidence.answers.cancelled}
    for job_id, job in evidence.jobs.items():
        plan = evidence.plan_of(job)
        if plan is None:
            yield Violation(Breach.UNEXPECTED, job_id, f"no plan for {job.get('job_name')}")
        elif job["status"] in TERMINAL:
            wanted = plan.cancel_after_sec is not None or job_id in cancellable
            if message := _end_fault(plan, job, by_job[job_id], may_be_cancelled=wanted):
                failed = job["status"] == "failed"
                yield Violation(Breach.BLAMELESS if failed else Breach.WRONG, job_id, message)
        yield from _executions(evidence, job_id, job, by_job[job_id])
    for job_id in by_job.keys() - evidence.jobs.keys():
        yield Violation(Breach.LOST, job_id, "it was executed, and is not in MongoDB")


def _end_fault(
    plan: JobPlan, job: JsonObject, executions: Sequence[Execution], *, may_be_cancelled: bool
) -> str | None:
    match job["status"]:
        case "cancelled":
            return None if may_be_cancelled else "cancelled without a request"
        case "failed":
            return _failure_fault(plan, job, executions)
        case _:
            return _result_fault(plan, job, executions)


def _failure_fault(plan: JobPlan, job: JsonObject, executions: Sequence[Execution]) -> str | None:
    """Return what is wrong with a failure: only what its handler did may fail a job."""
    error = job.get("error") or {}
    of_run = [one for one in executions if one.run == job["run"]]
    raised = sum(one.ending == RAISED.get(plan.kind) for one in of_run)
    expected = {ERRORS.get(plan.kind)}
    if plan.kind is Kind.FLAKY and raised >= job["max_attempts"]:
        expected.add(FLAKY)
    if plan.kind is Kind.DOOMED and not raised:
        expected.clear()
    if plan.kind is Kind.BLOCKING and _unended(job, executions) >= POISON_AFTER:
        expected.add(POISONED)  # faults killed its worker twice while its code ran
    if error.get("code") not in expected:
        counted = f"{job['attempt']} attempts, {job['forgiven']} forgiven"
        return (
            f"a {plan.kind} job failed with {error.get('code')} ({error.get('message')}) "
            f"after {counted} of {job['max_attempts']}"
        )
    return None


def _unended(job: JsonObject, executions: Sequence[Execution]) -> int:
    """Return how many executions of the job's last run did not end."""
    return sum(one.run == job["run"] and one.ended_at is None for one in executions)


def _result_fault(plan: JobPlan, job: JsonObject, executions: Sequence[Execution]) -> str | None:
    if plan.kind in ERRORS:
        return f"a {plan.kind} job completed"
    results = job.get("results") or {}
    expected = {"number": plan.number, "run": job["run"], "attempt": job["attempt"]}
    if {name: results.get(name) for name in expected} != expected:
        return f"results {results}, expected {expected}"
    own = [one for one in executions if one.nonce == results["nonce"]]
    if not own or own[0].attempt != job["attempt"]:
        return f"no execution of attempt {job['attempt']} has the nonce {results['nonce']}"
    return None


def _executions(
    evidence: Evidence, job_id: str, job: JsonObject, executions: Sequence[Execution]
) -> Violations:
    attempts = [one.attempt for one in executions]
    for attempt in {one for one in attempts if attempts.count(one) > 1}:
        message = f"attempt {attempt} was executed {attempts.count(attempt)} times"
        yield Violation(Breach.UNEXPECTED, job_id, message)
    if attempts and max(attempts) > job["attempt"]:
        message = f"attempt {max(attempts)} was executed, {job['attempt']} were counted"
        yield Violation(Breach.UNEXPECTED, job_id, message)
    held = [one for one in evidence.history.get(job_id, []) if one.token]
    due_at = {one.attempt: one.run_at for one in held}
    for one in executions:
        early = due_at.get(one.attempt, 0.0) - one.started_at
        if early > EARLY_SEC:
            message = f"attempt {one.attempt} started {early:.2f} s too early"
            yield Violation(Breach.UNEXPECTED, job_id, message)


def overlaps(executions: Sequence[Execution]) -> int:
    """Return how many executions began while an earlier one of their job ran and later ended."""
    latest: dict[str, float] = {}
    count = 0
    for one in sorted(executions, key=lambda each: each.started_at):
        count += one.started_at < latest.get(one.job_id, 0.0)
        latest[one.job_id] = max(latest.get(one.job_id, 0.0), one.ended_at or 0.0)
    return count
