"""The evidence of one experiment, and the violations that the ledger finds in it. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chaos.execution_log import Execution
from chaos.history import History
from chaos.oddity import OddDocument
from chaos.plan import Features, JobPlan

from secretary_devstack.servers.receiver import Received

JsonObject = dict[str, Any]
TERMINAL = frozenset({"completed", "failed", "cancelled"})
ENDPOINT_PATH = "/endpoint"
"""The path of the receiver that is registered as the endpoint of some keys."""


class Breach(StrEnum):
    """The ways in which the promise can be broken."""

    LOST = "lost"
    """A job was accepted and is not in MongoDB."""
    TWICE = "committed twice"
    """More than one end of a run was committed or delivered."""
    STUCK = "stuck"
    """A job did not end in time."""
    UNDELIVERED = "webhooks missing"
    """The end of a job was not delivered to its webhook, or to an endpoint of its key."""
    BLAMELESS = "failed without a fault of its handler"
    """A job failed, or an attempt of a delivery was spent, by what the services or servers did."""
    WRONG = "wrong results"
    """The results are not those of the attempt that settled the job, or the end is unexpected."""
    ODD = "odd documents"
    """An odd document was not set aside, not served, or changed although it had to be left."""
    DUPLICATED = "duplicated"
    """Several jobs have one idempotency key."""
    UNEXPECTED = "unexpected"
    """Anything else that must not happen."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of the promise."""

    breach: Breach
    subject: str
    message: str


Violations = Iterable[Violation]


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """A webhook that the receiver got."""

    at: float
    webhook_id: str
    job_id: str
    run: int
    seq: int
    phase: str
    body: bytes
    data: Any
    status: int
    """The status of the answer; 0: no answer."""
    signature_fault: str | None
    at_endpoint: bool = False
    """Whether an endpoint got it, and not the job's own webhook."""

    @property
    def is_end(self) -> bool:
        """Whether it reports the end of a job."""
        return self.phase in TERMINAL

    @property
    def accepted(self) -> bool:
        """Whether the receiver answered with success."""
        return 200 <= self.status < 300


def received_webhooks(requests: Sequence[Received], secret: str) -> list[ReceivedWebhook]:
    """Return the requests of the receiver as webhooks, in the order of their arrival."""
    return [_received_webhook(one, secret) for one in requests]


def _received_webhook(one: Received, secret: str) -> ReceivedWebhook:
    body = json.loads(one.body)
    return ReceivedWebhook(
        at=one.at,
        webhook_id=one.headers.get("webhook-id", ""),
        job_id=body["process"]["id"],
        run=body["run"],
        seq=body["seq"],
        phase=body["phase"],
        body=one.body,
        data=body.get("data"),
        status=one.status,
        signature_fault=one.signature_fault(secret),
        at_endpoint=one.path == ENDPOINT_PATH,
    )


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A job that was answered with 202."""

    ref: str
    job_id: str
    at: float
    replayed: bool
    """Whether the answer had ``Idempotent-Replayed: true``."""


@dataclass(frozen=True, slots=True)
class ObservedEnd:
    """A finished job as its client saw it."""

    job_id: str
    run: int
    attempt: int
    status: str
    nonce: str | None
    """The nonce of its results, if it has results."""


@dataclass(frozen=True, slots=True)
class AcceptedAction:
    """A cancellation or a retry that was answered with 202."""

    job_id: str
    at: float


@dataclass(slots=True)
class ClientAnswers:
    """What the API answered to all clients: the promises that must be kept."""

    accepted: list[Acceptance] = field(default_factory=list)
    observed_ends: list[ObservedEnd] = field(default_factory=list)
    cancelled: list[AcceptedAction] = field(default_factory=list)
    retried: list[AcceptedAction] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """Answers that no client should get: a 4xx, or no answer until the end."""
    repeats: int = 0
    """Requests that were repeated after a 5xx or without an answer."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was planned, answered, stored, executed and delivered."""

    features: Features
    plans: Mapping[str, JobPlan]
    """By their ``ref``."""
    batches: frozenset[frozenset[str]]
    """The refs of each batch."""
    answers: ClientAnswers
    jobs: Mapping[str, JsonObject]
    """The documents at the end, by job id."""
    superseded: frozenset[tuple[str, int]]
    """Order keys and runs whose end need not be delivered: a later run superseded it.

    The order key of a job's own webhook is the job's id; for an endpoint, its id follows.
    """
    history: History
    executions: Sequence[Execution]
    webhooks: Sequence[ReceivedWebhook]
    crashes: Sequence[str]
    own_failures: Sequence[tuple[str, str]] = ()
    """Deliveries with an attempt that failed for want of the notifier's own: id and error."""
    odd: Sequence[tuple[OddDocument, JsonObject | None]] = ()
    """Each odd document that was inserted, with what is stored at the end."""
    odd_webhooks: Sequence[ReceivedWebhook] = ()
    """The webhooks of odd jobs and odd deliveries."""

    def jobs_of(self, key: int) -> frozenset[str]:
        """Return the ids of the jobs that the API key with this number has submitted."""
        plans = ((job_id, self.plan_of(job)) for job_id, job in self.jobs.items())
        return frozenset(job_id for job_id, plan in plans if plan and plan.key == key)

    def plan_of(self, job: JsonObject) -> JobPlan | None:
        """Return the plan of a job; None if it has none."""
        return self.plans.get(job.get("job_name") or "")
