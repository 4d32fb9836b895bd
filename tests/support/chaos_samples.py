"""The evidence of one job without any fault; tests of the chaos ledger change it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from chaos.execution_log import Execution
from chaos.history import JobState
from chaos.ledger.acceptance import check as check_account
from chaos.ledger.commits import check as check_commit
from chaos.ledger.evidence import Acceptance, Breach, ClientAnswers, Evidence, ReceivedWebhook
from chaos.ledger.odd_documents import check as check_odd_document
from chaos.ledger.results import check as check_result
from chaos.ledger.webhooks import check as check_webhook
from chaos.oddity import OddDocument
from chaos.plan import KEYS, Features, JobPlan, Kind

JsonObject = dict[str, Any]

ALL = Features(idempotency=True, cancel=True, retry=True, batch=True)
JOB, REF, TOKEN, NONCE = "job-1", "chaos-1-7", "token-1", "nonce-1"
ENDPOINT = "ep-1"
START = 1_000_000.0
RESULTS = {"number": 7, "run": 1, "attempt": 1, "nonce": NONCE}
PLAN = JobPlan(number=7, ref=REF, kind=Kind.QUICK, key=KEYS - 1, webhook=True)
DOCUMENT: JsonObject = {
    "_id": JOB,
    "job_name": REF,
    "job_type": "chaos-quick",
    "status": "completed",
    "run": 1,
    "run_at": datetime.fromtimestamp(START, UTC),
    "attempt": 1,
    "forgiven": 0,
    "max_attempts": 3,
    "results": RESULTS,
    "webhook": {"progress": True},
}
WAITING = JobState(
    at=START, status="pending", run=1, attempt=0, forgiven=0, max_attempts=3, seq=0, run_at=START
)
HELD = replace(
    WAITING, at=START + 1, status="processing", attempt=1, seq=1, owner="worker-a", token=TOKEN
)
ENDED = replace(
    HELD,
    at=START + 2,
    status="completed",
    seq=2,
    owner=None,
    token=None,
    settled_token=TOKEN,
    results=RESULTS,
)
EXECUTION = Execution(NONCE, JOB, 1, 1, 4711, START + 1.1, START + 1.9, "completed")


def webhook(phase: str, seq: int, at: float, **changed: Any) -> ReceivedWebhook:
    """Return a correct webhook of the job, except for the fields *changed*."""
    data = RESULTS if phase == "completed" else None
    body = json.dumps({"phase": phase, "seq": seq, "data": data}).encode()
    made = ReceivedWebhook(
        at=at,
        webhook_id=f"msg_{JOB}_{seq}",
        job_id=JOB,
        run=1,
        seq=seq,
        phase=phase,
        body=body,
        data=data,
        status=200,
        signature_fault=None,
    )
    return replace(made, **changed)


def at_endpoint(one: ReceivedWebhook) -> ReceivedWebhook:
    """Return the same event as the endpoint gets it."""
    return replace(one, webhook_id=f"msg_{JOB}_{ENDPOINT}_{one.seq}", at_endpoint=True)


@dataclass
class Case:
    """Evidence that a test may change before the ledger checks it."""

    features: Features = ALL
    plan: JobPlan = PLAN
    answers: ClientAnswers = field(
        default_factory=lambda: ClientAnswers(
            accepted=[Acceptance(REF, JOB, START, replayed=False)]
        )
    )
    jobs: dict[str, JsonObject] = field(default_factory=lambda: {JOB: dict(DOCUMENT)})
    states: list[JobState] = field(default_factory=lambda: [WAITING, HELD, ENDED])
    executions: list[Execution] = field(default_factory=lambda: [EXECUTION])
    webhooks: list[ReceivedWebhook] = field(
        default_factory=lambda: [
            webhook("processing", 1, START + 1.5),
            webhook("completed", 2, START + 2.1),
        ]
    )
    superseded: frozenset[tuple[str, int]] = frozenset()
    batches: frozenset[frozenset[str]] = frozenset()
    crashes: Sequence[str] = ()
    own_failures: Sequence[tuple[str, str]] = ()
    odd: Sequence[tuple[OddDocument, JsonObject | None]] = ()
    odd_webhooks: Sequence[ReceivedWebhook] = ()

    @property
    def job(self) -> JsonObject:
        """The document of the job."""
        return self.jobs[JOB]

    def evidence(self) -> Evidence:
        """Return the evidence for the ledger."""
        return Evidence(
            features=self.features,
            plans={self.plan.ref: self.plan},
            batches=self.batches,
            answers=self.answers,
            jobs=self.jobs,
            superseded=self.superseded,
            history={JOB: self.states},
            executions=self.executions,
            webhooks=self.webhooks,
            crashes=self.crashes,
            own_failures=self.own_failures,
            odd=self.odd,
            odd_webhooks=self.odd_webhooks,
        )

    def breaches(self) -> list[tuple[Breach, str]]:
        """Return what the ledger finds: each breach and its message."""
        checks = (check_account, check_commit, check_result, check_webhook, check_odd_document)
        evidence = self.evidence()
        return [(one.breach, one.message) for check in checks for one in check(evidence)]

    def give_endpoint(self) -> None:
        """Let the key of the job have an endpoint, which gets the events too."""
        self.plan = replace(self.plan, key=0)
        self.job["endpoints"] = {"ids": [ENDPOINT]}
        self.webhooks += [at_endpoint(one) for one in self.webhooks]

    def fail(self, code: str) -> None:
        """Let the job end with an error instead of results."""
        self.job.update(status="failed", error={"code": code}, results=None)
        self.states[-1] = replace(ENDED, status="failed", results=None, error_code=code)
        self.webhooks[-1] = webhook("failed", 2, START + 2.1)

    def retry(self) -> None:
        """Add a second run without a fault."""
        again = replace(
            ENDED, at=START + 3, status="pending", run=2, forgiven=1, seq=3, results=None
        )
        held = replace(again, at=START + 4, status="processing", attempt=2, seq=4, token="token-2")
        results = {"number": 7, "run": 2, "attempt": 2, "nonce": "nonce-2"}
        ended = replace(
            held,
            at=START + 5,
            status="completed",
            seq=5,
            token=None,
            settled_token="token-2",
            results=results,
        )
        self.states += [again, held, ended]
        self.job.update(run=2, attempt=2, forgiven=1, results=results)
        self.executions.append(
            Execution("nonce-2", JOB, 2, 2, 4711, START + 4.1, START + 4.9, "completed")
        )
        self.webhooks.append(webhook("completed", 5, START + 5.1, run=2, data=results))
