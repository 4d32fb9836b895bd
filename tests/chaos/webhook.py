"""Of the ledger: the end of each job with a webhook was told, in one form, and nothing after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from chaos.evidence import TERMINAL, Breach, Evidence, Hook, JsonObject, Violation, Violations


def check(evidence: Evidence) -> Violations:
    """Everything that is wrong with the webhooks."""
    by_job: defaultdict[str, list[Hook]] = defaultdict(list)
    for hook in evidence.hooks:
        by_job[hook.job_id].append(hook)
        if hook.signature_fault:
            what = f"{hook.webhook_id}: {hook.signature_fault}"
            yield Violation(Breach.UNEXPECTED, hook.job_id, what)
    for job_id, job in evidence.jobs.items():
        if "webhook" in job:
            yield from _check_job(evidence, job_id, job, by_job[job_id])
    for job_id in by_job.keys() - evidence.jobs.keys():
        yield Violation(Breach.LOST, job_id, "its webhooks came, and it is not in MongoDB")


def _check_job(
    evidence: Evidence, job_id: str, job: JsonObject, hooks: Sequence[Hook]
) -> Violations:
    yield from _one_form(job_id, hooks)
    yield from _nothing_after_the_end(job_id, hooks)
    if job["status"] not in TERMINAL:
        return  # it is reported as stuck
    for run in range(1, job["run"] + 1):
        ends = [hook for hook in hooks if hook.is_end and hook.run == run]
        last = run == job["run"]
        excused = not last and (job_id, run) in evidence.superseded
        if not any(hook.taken for hook in ends) and not excused:
            yield Violation(Breach.UNTOLD, job_id, f"the end of run {run} was never told")
        if last and ends and (what := _content_fault(job, ends[0])):
            yield Violation(Breach.WRONG, job_id, what)
    if not job["webhook"]["progress"] and any(not hook.is_end for hook in hooks):
        yield Violation(Breach.UNEXPECTED, job_id, "progress was told and not wanted")


def _one_form(job_id: str, hooks: Iterable[Hook]) -> Violations:
    """One id for the end of a run, one body for an id."""
    ids: defaultdict[int, set[str]] = defaultdict(set)
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    for hook in hooks:
        bodies[hook.webhook_id].add(hook.body)
        if hook.webhook_id != f"msg_{hook.job_id}_{hook.seq}":
            what = f"webhook-id {hook.webhook_id!r} for seq {hook.seq}"
            yield Violation(Breach.UNEXPECTED, job_id, what)
        if hook.is_end:
            ids[hook.run].add(hook.webhook_id)
    for run, found in ids.items():
        if len(found) > 1:
            what = f"the end of run {run} was told as {', '.join(sorted(found))}"
            yield Violation(Breach.TWICE, job_id, what)
    for webhook_id, found_bodies in bodies.items():
        if len(found_bodies) > 1:
            what = f"{webhook_id} came with {len(found_bodies)} different bodies"
            yield Violation(Breach.TWICE, job_id, what)


def _nothing_after_the_end(job_id: str, hooks: Sequence[Hook]) -> Violations:
    for end in (hook for hook in hooks if hook.is_end):
        late = [one for one in hooks if not one.is_end and one.seq < end.seq and one.at > end.at]
        if late:
            sec = late[0].at - end.at
            what = f"progress (seq {late[0].seq}) came {sec:.2f} s after the end (seq {end.seq})"
            yield Violation(Breach.UNEXPECTED, job_id, what)
            return


def _content_fault(job: JsonObject, end: Hook) -> str | None:
    if end.phase != job["status"]:
        return f"told as {end.phase}, is {job['status']}"
    if end.phase == "completed" and end.data != job.get("results"):
        return f"told {end.data}, results are {job.get('results')}"
    return None


def repeats(hooks: Sequence[Hook]) -> int:
    """How many webhooks came again after they had been taken: allowed, and to be few."""
    taken: set[str] = set()
    count = 0
    for hook in hooks:
        count += hook.webhook_id in taken
        if hook.taken:
            taken.add(hook.webhook_id)
    return count
