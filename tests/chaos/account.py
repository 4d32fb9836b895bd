"""Of the ledger: what was accepted is there, once, and came to an end."""

from __future__ import annotations

from collections import Counter, defaultdict

from chaos.evidence import TERMINAL, Breach, Evidence, JsonObject, Violation, Violations


def check(evidence: Evidence) -> Violations:
    """Everything that is wrong with the jobs as they are at the end."""
    yield from _lost(evidence)
    yield from _duplicated(evidence)
    yield from _torn(evidence)
    for job_id, job in evidence.jobs.items():
        if job["status"] not in TERMINAL:
            yield Violation(Breach.STUCK, job_id, _standing(job))
    yield from _orders(evidence)
    for ref in evidence.plans.keys() - {one.ref for one in evidence.told.accepted}:
        yield Violation(Breach.UNEXPECTED, ref, "it was never accepted")
    for what in [*evidence.told.refusals, *evidence.crashes]:
        yield Violation(Breach.UNEXPECTED, "", what)


def _lost(evidence: Evidence) -> Violations:
    for acceptance in evidence.told.accepted:
        job = evidence.jobs.get(acceptance.job_id)
        if job is None:
            yield Violation(Breach.LOST, acceptance.job_id, f"{acceptance.ref} was accepted")
        elif job["job_name"] != acceptance.ref:
            told = f"{acceptance.ref} was accepted, {job['job_name']} is stored"
            yield Violation(Breach.WRONG, acceptance.job_id, told)


def _duplicated(evidence: Evidence) -> Violations:
    if not evidence.features.idempotency:
        return
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for job_id, job in evidence.jobs.items():
        ids[job["job_name"]].add(job_id)
    told: set[str] = set()
    for acceptance in evidence.told.accepted:
        ids[acceptance.ref].add(acceptance.job_id)
        if acceptance.ref in told and not acceptance.replayed:
            yield Violation(Breach.DUPLICATED, acceptance.job_id, f"{acceptance.ref}: not replayed")
        told.add(acceptance.ref)
    for ref, found in ids.items():
        if len(found) > 1:
            yield Violation(Breach.DUPLICATED, min(found), f"{ref}: {', '.join(sorted(found))}")


def _torn(evidence: Evidence) -> Violations:
    """Batches of which some jobs are stored, and not all."""
    refs: defaultdict[str, set[str]] = defaultdict(set)
    for job in evidence.jobs.values():
        if batch_id := job.get("batch_id"):
            refs[batch_id].add(job["job_name"])
    for batch_id, found in refs.items():
        if frozenset(found) not in evidence.batches:
            yield Violation(Breach.LOST, batch_id, f"of its batch only {sorted(found)} are stored")


def _orders(evidence: Evidence) -> Violations:
    """Cancellations and retries that were accepted, and of which there is no trace."""
    for order in evidence.told.cancelled:
        moments = evidence.history.get(order.job_id, [])
        if not any(one.cancel_requested or one.status == "cancelled" for one in moments):
            yield Violation(Breach.LOST, order.job_id, "its cancellation was accepted")
    for job_id, count in Counter(order.job_id for order in evidence.told.retried).items():
        job = evidence.jobs.get(job_id)
        if job and job["run"] <= count:
            what = f"{count} retries were accepted, it is in run {job['run']}"
            yield Violation(Breach.LOST, job_id, what)


def extra_jobs(evidence: Evidence) -> int:
    """How many jobs there are besides one for each thing wanted."""
    return len(evidence.jobs) - len({job["job_name"] for job in evidence.jobs.values()})


def _standing(job: JsonObject) -> str:
    shown = ("status", "job_type", "run", "attempt", "forgiven", "run_at", "lease", "settled")
    return ", ".join(f"{name} {job.get(name)}" for name in shown)
