"""Of the ledger: each end is the one its kind of job must have, by the attempt that settled it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from chaos.evidence import TERMINAL, Breach, Evidence, JsonObject, Violation, Violations
from chaos.plan import DOOMED, FLAKY, JobPlan, Kind
from chaos.record import Execution

WORKER_LOST, POISONED = "WORKER_LOST", "POISONED"
# The error each kind of job ends with; those not named complete.
ERRORS = {Kind.DOOMED: DOOMED, Kind.OVERDUE: "JOB_TIMEOUT", Kind.LETHAL: POISONED}
POISON_AFTER = 2
"""A job is set aside when its code ran during the end of so many workers."""
EARLY_SEC = 0.5
"""A start may be early by so much: clocks of several processes are compared."""

ByJob = Mapping[str, Sequence[Execution]]


def check(evidence: Evidence) -> Violations:
    """Everything that is wrong with ends, results and executions."""
    by_job: defaultdict[str, list[Execution]] = defaultdict(list)
    for execution in evidence.executions:
        by_job[execution.job_id].append(execution)
    cancellable = {order.job_id for order in evidence.told.cancelled}
    for job_id, job in evidence.jobs.items():
        plan = evidence.plan_of(job)
        if plan is None:
            yield Violation(Breach.UNEXPECTED, job_id, f"nobody wanted {job.get('job_name')}")
        elif job["status"] in TERMINAL:
            wanted = plan.cancel_after_sec is not None or job_id in cancellable
            if what := _end_fault(plan, job, by_job[job_id], may_be_cancelled=wanted):
                yield Violation(Breach.WRONG, job_id, what)
        yield from _executions(evidence, job_id, job, by_job[job_id])
    for job_id in by_job.keys() - evidence.jobs.keys():
        yield Violation(Breach.LOST, job_id, "it was run, and is not in MongoDB")


def _end_fault(
    plan: JobPlan, job: JsonObject, executions: Sequence[Execution], *, may_be_cancelled: bool
) -> str | None:
    match job["status"]:
        case "cancelled":
            return None if may_be_cancelled else "cancelled, and nobody asked for it"
        case "failed":
            return _failure_fault(plan, job, executions)
        case _:
            return _result_fault(plan, job, executions)


def _failure_fault(plan: JobPlan, job: JsonObject, executions: Sequence[Execution]) -> str | None:
    code = (job.get("error") or {}).get("code")
    spent = job["attempt"] - job["forgiven"] >= job["max_attempts"]
    expected = {ERRORS.get(plan.kind)}
    if spent:
        expected |= {WORKER_LOST} | ({FLAKY} if plan.kind is Kind.FLAKY else set())
    if plan.kind is Kind.BLOCKING and _unended(job, executions) >= POISON_AFTER:
        expected.add(POISONED)  # killed from outside, but twice in the middle of its code
    if code not in expected:
        counted = f"{job['attempt']} attempts, {job['forgiven']} forgiven"
        return f"a {plan.kind} job failed with {code} after {counted} of {job['max_attempts']}"
    return None


def _unended(job: JsonObject, executions: Sequence[Execution]) -> int:
    """How many executions of the job's last run never came to their end."""
    return sum(one.run == job["run"] and one.ended_at is None for one in executions)


def _result_fault(plan: JobPlan, job: JsonObject, executions: Sequence[Execution]) -> str | None:
    if plan.kind in ERRORS:
        return f"a {plan.kind} job completed"
    results = job.get("results") or {}
    expected = {"number": plan.number, "run": job["run"], "attempt": job["attempt"]}
    if {name: results.get(name) for name in expected} != expected:
        return f"results {results}, expected {expected}"
    its_own = [one for one in executions if one.nonce == results["nonce"]]
    if not its_own or its_own[0].attempt != job["attempt"]:
        return f"no execution of attempt {job['attempt']} has the nonce {results['nonce']}"
    return None


def _executions(
    evidence: Evidence, job_id: str, job: JsonObject, executions: Sequence[Execution]
) -> Violations:
    attempts = [one.attempt for one in executions]
    for attempt in {one for one in attempts if attempts.count(one) > 1}:
        what = f"attempt {attempt} was run {attempts.count(attempt)} times"
        yield Violation(Breach.UNEXPECTED, job_id, what)
    if attempts and max(attempts) > job["attempt"]:
        what = f"attempt {max(attempts)} was run, {job['attempt']} were counted"
        yield Violation(Breach.UNEXPECTED, job_id, what)
    held = [one for one in evidence.history.get(job_id, []) if one.token]
    due_at = {one.attempt: one.run_at for one in held}
    for one in executions:
        early = due_at.get(one.attempt, 0.0) - one.started_at
        if early > EARLY_SEC:
            what = f"attempt {one.attempt} started {early:.2f} s too early"
            yield Violation(Breach.UNEXPECTED, job_id, what)


def overlaps(executions: Sequence[Execution]) -> int:
    """How many executions began while an earlier one of their job was running, and would end."""
    latest: dict[str, float] = {}
    count = 0
    for one in sorted(executions, key=lambda each: each.started_at):
        count += one.started_at < latest.get(one.job_id, 0.0)
        latest[one.job_id] = max(latest.get(one.job_id, 0.0), one.ended_at or 0.0)
    return count
