"""What a dashboard may have to show: jobs in every state, webhooks, workers, receivers."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from support.api_harness import RETENTION, Api

from secretary_common.models import (
    AttemptRecord,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    FileInfo,
    FileKind,
    Job,
    JobError,
    JobFile,
    JobProgress,
    JobStatus,
    LogEntry,
    LogLevel,
    Phase,
    RunningJob,
    Settled,
    WorkerReport,
    new_job_id,
)

OWNER = "0123456789ab"
ERRORS = (
    ("FETCH_FAILED", "https://example.com/report.pdf: the server answered 503"),
    ("PDF_PASSWORD_REQUIRED", "the PDF needs a password"),
    ("PROVIDER_RATE_LIMITED", "the provider asks us to wait: too many requests in a minute"),
)
NAMES = ("Minutes of the board", None, "Invoice 2026-114", "Annual report", None, "Lecture 7")


def stored_jobs(
    api: Api, number: int, *, failing: bool = False, seed: int = 1, owner: str = OWNER
) -> list[Job]:
    """Store *number* jobs in all states, the newest just now; *failing*: most have failed."""
    chance, now = random.Random(seed), api.clock.now()
    weights = [3, 1, 2, 90, 4] if failing else [10, 5, 70, 12, 3]
    states = chance.choices(
        ["pending", "processing", "completed", "failed", "cancelled"], weights, k=number
    )
    jobs = [
        job_in(state, now - timedelta(seconds=3 * index**1.05), chance, owner)
        for index, state in enumerate(states)
    ]
    for job in jobs:
        api.jobs.jobs[job.job_id] = job
    return jobs


def job_in(state: str, created_at: datetime, chance: random.Random, owner: str = OWNER) -> Job:
    """Return a job that reached *state*."""
    started = created_at + timedelta(seconds=chance.uniform(0.01, 3))
    ended = started + timedelta(seconds=chance.expovariate(0.2))
    code, message = chance.choice(ERRORS)
    has_started = state != "pending"
    has_ended = state in {"completed", "failed", "cancelled"}
    return Job(
        job_id=new_job_id(),
        job_type=chance.choice(["pdf", "pdf", "custom"]),
        job_name=chance.choice(NAMES),
        owner=owner,
        status=JobStatus(state),
        tags=chance.sample(["archive", "urgent", "2026"], chance.randint(0, 2)),
        run_at=created_at
        if chance.random() < 0.7 or has_started
        else created_at + timedelta(hours=2),
        attempt=chance.choice([1, 1, 1, 3]) if has_started else 0,
        created_at=created_at,
        updated_at=ended if has_ended else started,
        processing_started_at=started if has_started else None,
        completed_at=ended if has_ended else None,
        expires_at=ended + RETENTION if has_ended else None,
        progress=JobProgress(step="reading pages", percent=chance.randint(5, 95), message="")
        if state == "processing"
        else None,
        error=JobError(code=code, message=message) if state == "failed" else None,
        seq=2,
    )


async def report_worker(
    api: Api,
    worker_id: str,
    running: Sequence[Job],
    *,
    slots: int = 4,
    job_types: Sequence[str] = ("pdf", "custom"),
) -> None:
    """Report a live worker that runs *running*."""
    now = api.clock.now()
    await api.workers.report(
        WorkerReport(
            worker_id=worker_id,
            host="worker-a",
            pid=4211,
            started_at=now - timedelta(hours=5),
            seen_at=now,
            alive_until=now + timedelta(days=1),
            job_types=list(job_types),
            slots=slots,
            running=[RunningJob(job_id=job.job_id, owner=job.owner) for job in running],
            active=True,
            listening=True,
        )
    )


HOSTILE = """# Annual report <script>window.stolen = 1</script>

<img src=x onerror="window.stolen = 2"> **Turnover** rose to *3.2 million* `EUR`.

[a link](javascript:window.stolen=3) and [another](https://example.com/report "x").

![a picture](page_0001.jpg) ![from elsewhere](https://evil.example/x.png)

| Year | Turnover |
|---|---|
| 2025 | <b>2.9</b> |
| 2026 | 3.2 |

1. first
2. second
   - nested `code`

> A quotation

```
<iframe src="javascript:window.stolen=4"></iframe>
```
"""


async def stored_document(
    api: Api, owner: str = OWNER, *, picture: bytes | None = None, text: str = HOSTILE
) -> Job:
    """Store a completed job with everything that the page of a job shows."""
    now = api.clock.now()
    job_id = new_job_id()
    due = now - timedelta(seconds=150)
    image = await _file(api, job_id, owner, "page_0001.jpg", picture or PICTURE)
    report = await _file(api, job_id, owner, "report.md", text.encode())
    pages = [
        {"page": 1, "text": text, "method": "ocr", "reason": "scan", "confidence": 0.62},
        {"page": 2, "text": "The second page.", "method": "native"},
        {"page": 3, "text": "", "method": "native", "reason": "unreadable"},
    ]
    job = Job(
        job_id=job_id,
        job_type="pdf",
        job_name="Annual report",
        owner=owner,
        status=JobStatus.COMPLETED,
        tags=["archive", "2026"],
        user_id="anna",
        parameters={"filename": "/srv/files/annual-report.pdf", "extraction_method": "combined"},
        run_at=due + timedelta(seconds=90),
        attempt=3,
        created_at=due,
        updated_at=now - timedelta(seconds=5),
        processing_started_at=due + timedelta(seconds=91),
        completed_at=now - timedelta(seconds=5),
        settled=Settled(token="t", outcome="completed", worker="5f0c4be1a2b34d5e6f708192"),
        attempts=_earlier_attempts(due),
        results={"extracted_text": text, "metadata": {"page_count": 3, "text_contents": pages}},
        files=[image, report],
        seq=7,
    )
    api.jobs.jobs[job_id] = job
    levels: list[LogLevel] = ["info", "debug", "warning", "error", "info"]
    lines = [
        LogEntry(timestamp=due + timedelta(seconds=n), level=level, message=text, attempt=1, seq=n)
        for n, (level, text) in enumerate(zip(levels, LINES, strict=True))
    ]
    await api.logs.append(job_id, lines)
    await api.deliveries.insert_absent(_deliveries(job, now))
    return job


LINES = (
    "reading annual-report.pdf (1.4 MB, 3 pages)",
    "page 1: an image covers it, so its text is recognised",
    "page 3 cannot be read; the other pages are not affected",
    "Attempt 2 failed with FETCH_FAILED: the server answered 503",
    "<script>window.stolen = 5</script> is text",
)
# The smallest GIF: browsers look at the content of a picture, not at its name.
PICTURE = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b"
)


def _earlier_attempts(due: datetime) -> list[AttemptRecord]:
    def at(seconds: float) -> datetime:
        return due + timedelta(seconds=seconds)

    lost = AttemptRecord(
        run=1,
        attempt=1,
        worker="0a1b2c3d4e5f60718293a4b5",
        host="worker-b",
        due_at=due,
        started_at=at(2),
        ended_at=at(40),
        outcome="lost",
        forgiven=True,
        reason="lease_lost",
    )
    failed = AttemptRecord(
        run=1,
        attempt=2,
        worker="5f0c4be1a2b34d5e6f708192",
        host="worker-a",
        due_at=due,
        started_at=at(41),
        ended_at=at(60),
        outcome="retry",
        error_code="FETCH_FAILED",
        error_message="https://example.com/annual-report.pdf: the server answered 503",
        next_attempt_at=at(90),
    )
    return [lost, failed]


async def _file(api: Api, job_id: str, owner: str, name: str, content: bytes) -> JobFile:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    info = FileInfo(
        kind=FileKind.FILE, owner=owner, name=name, created_at=api.clock.now(), job_id=job_id
    )
    stored = await api.files.save(pieces(), info)
    kind = "image/jpeg" if name.endswith(".jpg") else "text/markdown"
    return JobFile(
        name=name,
        file_id=stored.file_id,
        size=stored.size,
        sha256=stored.sha256,
        content_type=kind,
    )


def _deliveries(job: Job, now: datetime) -> list[Delivery]:
    answers = (
        DeliveryAttempt(
            at=now - timedelta(seconds=40),
            status_code=503,
            duration_ms=212,
            address="203.0.113.9",
            response="<h1>Service Unavailable</h1><script>window.stolen = 6</script>",
        ),
        DeliveryAttempt(
            at=now - timedelta(seconds=10),
            duration_ms=10_000,
            error="TimeoutError: no answer in 10 s",
        ),
    )
    common: dict[str, Any] = {
        "job_id": job.job_id,
        "owner": job.owner,
        "run": 1,
        "url": "https://hooks.example.com/secretary?token=x",
        "origin": "https://hooks.example.com:443",
        "body": b"{}",
    }
    return [
        Delivery(
            **common,
            delivery_id=f"msg_{job.job_id}_3",
            seq=3,
            phase=Phase.PROCESSING,
            state=DeliveryState.DELIVERED,
            created_at=now - timedelta(seconds=60),
            attempts=[
                DeliveryAttempt(at=now - timedelta(seconds=59), status_code=204, duration_ms=38)
            ],
        ),
        Delivery(
            **common,
            delivery_id=f"msg_{job.job_id}_7",
            seq=7,
            phase=Phase.COMPLETED,
            state=DeliveryState.DEAD,
            created_at=now - timedelta(seconds=45),
            attempts=list(answers),
            reason="the schedule of attempts has ended",
        ),
    ]
