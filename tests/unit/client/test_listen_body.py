"""``secretary listen`` sends the body that the notifier sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from secretary_api.jobs.view import view_of
from secretary_api.schemas.job import FeedEvent as SentEvent
from secretary_client.event import FeedEvent
from secretary_client.listen.body import body_of, client_id_of
from secretary_common.jobs import payload
from secretary_common.models import (
    Job,
    JobError,
    JobProgress,
    JobStatus,
    NotifySlot,
    Phase,
    Webhook,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = {Phase.PROCESSING: "progress"}
TRACEBACK = {"error_type": "KeyError", "traceback": "in /srv/handler.py"}


def job(status: JobStatus, **fields: Any) -> Job:
    given = {
        "job_id": "job-1",
        "job_type": "pdf",
        "owner": "key-1",
        "status": status,
        "run_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        "completed_at": NOW if status is not JobStatus.PROCESSING else None,
        "seq": 7,
        "webhook": Webhook(url="https://example.com/hook", client_job_id="mine"),
    }
    return Job.model_validate(given | fields)


@pytest.mark.parametrize(
    "given",
    [
        job(JobStatus.PROCESSING, progress=JobProgress(step="reading", percent=5)),
        job(JobStatus.COMPLETED, results={"extracted_text": "\u00fc"}),
        job(JobStatus.COMPLETED),
        job(JobStatus.COMPLETED, results={"text": "x" * 300_000}),
        job(JobStatus.FAILED, error=JobError(code="PDF_INVALID", message="no PDF")),
        job(
            JobStatus.FAILED,
            error=JobError(code="PROCESSING_ERROR", message="k", details=TRACEBACK),
        ),
        job(JobStatus.FAILED, error=JobError(code="C", message="m", details={"x": "y" * 300_000})),
        job(JobStatus.CANCELLED, results={"n": 1}),
    ],
    ids=lambda one: f"{one.status.value} {str(one.results or one.error)[:30]}",
)
def test_a_local_server_gets_the_body_of_the_webhook(given: Job) -> None:
    phase = Phase(given.status.value)
    data: Any = SentEvent.model_validate(given).model_dump(mode="json")
    event = FeedEvent("1-0", NAMES.get(phase, phase.value), data)
    shown: Any = json.loads(json.dumps(view_of(given, []), default=_plain))
    sent = body_of(event, shown, "https://api.example", client_id_of(shown))
    slot = NotifySlot(seq=7, run=1, phase=phase, due_at=NOW)
    assert json.loads(sent) == json.loads(payload.body_of(given, slot, "https://api.example"))


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json")
