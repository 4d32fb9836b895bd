"""Everything the ledger judges by, gathered at the end of a round."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chaos.feature import Features
from chaos.history import History
from chaos.plan import JobPlan
from chaos.record import Execution
from chaos.told import Told

from secretary_devstack.servers.receiver import Received

JsonObject = dict[str, Any]
TERMINAL = frozenset({"completed", "failed", "cancelled"})


class Breach(StrEnum):
    """How the promise can be broken."""

    LOST = "lost"
    """Accepted, but not in MongoDB."""
    TWICE = "committed twice"
    """More than one end of one run was committed, or told."""
    STUCK = "stuck"
    """Not at its end in time."""
    UNTOLD = "webhooks missing"
    """The end of a job with a webhook was not delivered."""
    WRONG = "wrong results"
    """The results are not those of the attempt that settled, or the end is not the one expected."""
    DUPLICATED = "duplicated"
    """One idempotency key, several jobs."""
    UNEXPECTED = "unexpected"
    """Anything else that must not be."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be."""

    breach: Breach
    subject: str
    what: str


Violations = Iterable[Violation]


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as it arrived."""

    at: float
    webhook_id: str
    job_id: str
    run: int
    seq: int
    phase: str
    body: bytes
    data: Any
    status: int
    """What it was answered; 0: nothing."""
    signature_fault: str | None

    @property
    def is_end(self) -> bool:
        """Whether it tells of a job's end."""
        return self.phase in TERMINAL

    @property
    def taken(self) -> bool:
        """Whether the receiver took it."""
        return 200 <= self.status < 300


def hooks_of(requests: Sequence[Received], secret: str) -> list[Hook]:
    """The webhooks among what a receiver got, in order of their arrival."""
    return [_hook_of(one, secret) for one in requests]


def _hook_of(one: Received, secret: str) -> Hook:
    body = json.loads(one.body)
    return Hook(
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
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was wanted, told, stored, run and received."""

    features: Features
    plans: Mapping[str, JobPlan]
    """By their ``ref``."""
    batches: frozenset[frozenset[str]]
    """The refs of each batch."""
    told: Told
    jobs: Mapping[str, JsonObject]
    """The documents at the end, by id."""
    superseded: frozenset[tuple[str, int]]
    """Jobs and their runs whose end need not be told: a later run has overtaken it."""
    history: History
    executions: Sequence[Execution]
    hooks: Sequence[Hook]
    crashes: Sequence[str]

    def plan_of(self, job: JsonObject) -> JobPlan | None:
        """What was wanted of a job."""
        return self.plans.get(job.get("job_name") or "")
