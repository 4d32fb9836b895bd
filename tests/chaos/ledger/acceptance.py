"""Ledger checks: every accepted job is stored, once, and has ended."""

from __future__ import annotations

from collections import Counter, defaultdict

from chaos.ledger.evidence import TERMINAL, Breach, Evidence, JsonObject, Violation, Violations


def check(evidence: Evidence) -> Violations:
    """Yield violations in the jobs as they are stored at the end."""
    yield from _lost(evidence)
    yield from _duplicated(evidence)
    yield from _incomplete_batches(evidence)
    for job_id, job in evidence.jobs.items():
        if job["status"] not in TERMINAL:
            yield Violation(Breach.STUCK, job_id, _fields_of(job))
    yield from _ignored_actions(evidence)
    for ref in evidence.plans.keys() - {one.ref for one in evidence.answers.accepted}:
        yield Violation(Breach.UNEXPECTED, ref, "it was never accepted")
    for message in [*evidence.answers.errors, *evidence.crashes]:
        yield Violation(Breach.UNEXPECTED, "", message)


def _lost(evidence: Evidence) -> Violations:
    for acceptance in evidence.answers.accepted:
        job = evidence.jobs.get(acceptance.job_id)
        if job is None:
            yield Violation(Breach.LOST, acceptance.job_id, f"{acceptance.ref} was accepted")
        elif job["job_name"] != acceptance.ref:
            message = f"{acceptance.ref} was accepted, {job['job_name']} is stored"
            yield Violation(Breach.WRONG, acceptance.job_id, message)


def _duplicated(evidence: Evidence) -> Violations:
    if not evidence.features.idempotency:
        return
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for job_id, job in evidence.jobs.items():
        ids[job["job_name"]].add(job_id)
    accepted: set[str] = set()
    for acceptance in evidence.answers.accepted:
        ids[acceptance.ref].add(acceptance.job_id)
        if acceptance.ref in accepted and not acceptance.replayed:
            yield Violation(Breach.DUPLICATED, acceptance.job_id, f"{acceptance.ref}: not replayed")
        accepted.add(acceptance.ref)
    for ref, found in ids.items():
        if len(found) > 1:
            yield Violation(Breach.DUPLICATED, min(found), f"{ref}: {', '.join(sorted(found))}")


def _incomplete_batches(evidence: Evidence) -> Violations:
    """Yield batches of which only some jobs are stored."""
    refs: defaultdict[str, set[str]] = defaultdict(set)
    for job in evidence.jobs.values():
        if batch_id := job.get("batch_id"):
            refs[batch_id].add(job["job_name"])
    for batch_id, found in refs.items():
        if frozenset(found) not in evidence.batches:
            yield Violation(Breach.LOST, batch_id, f"of its batch only {sorted(found)} are stored")


def _ignored_actions(evidence: Evidence) -> Violations:
    """Yield cancellations and retries that were accepted and had no effect."""
    for action in evidence.answers.cancelled:
        states = evidence.history.get(action.job_id, [])
        if not any(one.cancel_requested or one.status == "cancelled" for one in states):
            yield Violation(Breach.LOST, action.job_id, "its cancellation was accepted")
    for job_id, count in Counter(action.job_id for action in evidence.answers.retried).items():
        job = evidence.jobs.get(job_id)
        if job and job["run"] <= count:
            message = f"{count} retries were accepted, it is in run {job['run']}"
            yield Violation(Breach.LOST, job_id, message)


def extra_jobs(evidence: Evidence) -> int:
    """Return how many jobs there are beyond one for each plan."""
    return len(evidence.jobs) - len({job["job_name"] for job in evidence.jobs.values()})


def _fields_of(job: JsonObject) -> str:
    shown = ("status", "job_type", "run", "attempt", "forgiven", "run_at", "lease", "settled")
    return ", ".join(f"{name} {job.get(name)}" for name in shown)
