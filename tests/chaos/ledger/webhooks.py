"""Ledger checks: the end of each job reached its receivers, in one form, no progress after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from chaos.ledger.evidence import (
    TERMINAL,
    Breach,
    Evidence,
    JsonObject,
    ReceivedWebhook,
    Violation,
    Violations,
)
from chaos.plan import ENDPOINT_KEYS


def check(evidence: Evidence) -> Violations:
    """Yield violations in the webhooks."""
    by_job: defaultdict[str, list[ReceivedWebhook]] = defaultdict(list)
    for webhook in evidence.webhooks:
        by_job[webhook.job_id].append(webhook)
        if webhook.signature_fault:
            message = f"{webhook.webhook_id}: {webhook.signature_fault}"
            yield Violation(Breach.UNEXPECTED, webhook.job_id, message)
    for job_id, job in evidence.jobs.items():
        own = [one for one in by_job[job_id] if not one.at_endpoint]
        if "webhook" in job:
            yield from _check_receiver(evidence, job_id, job, own)
            if own and not job["webhook"]["progress"] and not all(one.is_end for one in own):
                message = "progress was delivered although it is off"
                yield Violation(Breach.UNEXPECTED, job_id, message)
        others = [one for one in by_job[job_id] if one.at_endpoint]
        yield from _check_endpoints(evidence, job_id, job, others)
    for delivery_id, error in evidence.own_failures:
        yield Violation(Breach.BLAMELESS, delivery_id, f"an attempt was spent on: {error}")
    for job_id in by_job.keys() - evidence.jobs.keys():
        yield Violation(Breach.LOST, job_id, "its webhooks arrived, and it is not in MongoDB")


def _check_endpoints(
    evidence: Evidence, job_id: str, job: JsonObject, webhooks: Sequence[ReceivedWebhook]
) -> Violations:
    """Yield violations at the endpoint of the job's key, if the key has one."""
    plan = evidence.plan_of(job)
    expected = plan is not None and plan.key < ENDPOINT_KEYS
    named = job.get("endpoints", {}).get("ids", [])
    if len(named) != expected:
        message = f"the job names {len(named)} endpoints, its key has {int(expected)}"
        yield Violation(Breach.UNDELIVERED, job_id, message)
    for endpoint_id in named:
        yield from _check_receiver(evidence, job_id, job, webhooks, endpoint_id=endpoint_id)


def _check_receiver(
    evidence: Evidence,
    job_id: str,
    job: JsonObject,
    webhooks: Sequence[ReceivedWebhook],
    *,
    endpoint_id: str | None = None,
) -> Violations:
    """Yield violations in what one receiver got of a job; *endpoint_id*: None: its own webhook."""
    order_key = f"{job_id}_{endpoint_id}" if endpoint_id else job_id
    missed_by = " to the endpoint" if endpoint_id else ""
    yield from _ambiguous(job_id, order_key, webhooks)
    yield from _progress_after_the_end(job_id, webhooks)
    if job["status"] not in TERMINAL:
        return  # the acceptance check reports it as stuck
    for run in range(1, job["run"] + 1):
        ends = [webhook for webhook in webhooks if webhook.is_end and webhook.run == run]
        last = run == job["run"]
        excused = not last and (order_key, run) in evidence.superseded
        if not any(webhook.accepted for webhook in ends) and not excused:
            missing = f"the end of run {run} was never delivered{missed_by}"
            yield Violation(Breach.UNDELIVERED, job_id, missing)
        if last and ends and (fault := _content_fault(job, ends[0])):
            yield Violation(Breach.WRONG, job_id, fault)


def _ambiguous(job_id: str, order_key: str, webhooks: Iterable[ReceivedWebhook]) -> Violations:
    """Yield ends of a run with several ids, and ids with several bodies."""
    ids: defaultdict[int, set[str]] = defaultdict(set)
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    for webhook in webhooks:
        bodies[webhook.webhook_id].add(webhook.body)
        if webhook.webhook_id != f"msg_{order_key}_{webhook.seq}":
            message = f"webhook-id {webhook.webhook_id!r} for seq {webhook.seq}"
            yield Violation(Breach.UNEXPECTED, job_id, message)
        if webhook.is_end:
            ids[webhook.run].add(webhook.webhook_id)
    for run, found in ids.items():
        if len(found) > 1:
            message = f"the end of run {run} was delivered as {', '.join(sorted(found))}"
            yield Violation(Breach.TWICE, job_id, message)
    for webhook_id, found_bodies in bodies.items():
        if len(found_bodies) > 1:
            message = f"{webhook_id} came with {len(found_bodies)} different bodies"
            yield Violation(Breach.TWICE, job_id, message)


def _progress_after_the_end(job_id: str, webhooks: Sequence[ReceivedWebhook]) -> Violations:
    for end in (webhook for webhook in webhooks if webhook.is_end):
        late = [one for one in webhooks if not one.is_end and one.seq < end.seq and one.at > end.at]
        if late:
            sec = late[0].at - end.at
            message = f"progress (seq {late[0].seq}) came {sec:.2f} s after the end (seq {end.seq})"
            yield Violation(Breach.UNEXPECTED, job_id, message)
            return


def _content_fault(job: JsonObject, end: ReceivedWebhook) -> str | None:
    if end.phase != job["status"]:
        return f"delivered as {end.phase}, stored as {job['status']}"
    if end.phase == "completed" and end.data != job.get("results"):
        return f"delivered {end.data}, stored {job.get('results')}"
    return None


def repeats(webhooks: Sequence[ReceivedWebhook]) -> int:
    """Return how many webhooks arrived again after the receiver had accepted them."""
    accepted: set[str] = set()
    count = 0
    for webhook in webhooks:
        count += webhook.webhook_id in accepted
        if webhook.accepted:
            accepted.add(webhook.webhook_id)
    return count
