"""A program that uses every call of both clients; ``make lint`` and ``make pyright`` check it.

It is never run. ``assert_type`` fails if a checker sees another type.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type

from secretary_client import (
    AsyncClient,
    Client,
    Event,
    FeedEvent,
    JobFailed,
    Retry,
    WaitTimeout,
    models,
    verify_webhook,
)

NOW = datetime.now(UTC)


def jobs(secretary: Client) -> None:
    """Use the calls on jobs and streams."""
    job = secretary.submit(
        "pdf", {"url": "u"}, priority=8, run_at=NOW, tags=["a"], idempotency_key="k"
    )
    assert_type(job, models.Job)
    assert_type(job["status"], str)
    job_id = job["job_id"]
    try:
        assert_type(secretary.run("pdf", {}, timeout=9.5, user_id="u"), dict[str, Any])
    except WaitTimeout as error:
        assert_type(error.job_id, str)
    except JobFailed as error:
        assert_type(error.job, models.Job)
    assert_type(secretary.job(job_id), models.Job)
    assert_type(secretary.wait(job_id, timeout=3), models.Job)
    assert_type(secretary.follow(job_id), Iterator[Event])
    assert_type(secretary.stream(after="1-0", tag="a"), Iterator[FeedEvent])
    assert_type(secretary.results(job_id), dict[str, Any])
    assert_type(secretary.jobs(status="failed", created_after=NOW), Iterator[models.JobSummary])
    assert_type(secretary.logs(job_id, level="error"), Iterator[models.LogEntry])
    assert_type(secretary.attempts(job_id), models.Attempts)
    assert_type(secretary.cancel(job_id), models.JobSummary)
    assert_type(secretary.retry(job_id), models.JobSummary)
    secretary.delete(job_id)
    assert_type(secretary.cancel_all(tag="a", limit=5), models.FilteredJobs)
    assert_type(secretary.retry_all(job_type="pdf", cursor="c"), models.FilteredJobs)
    assert_type(secretary.delete_all(created_before=NOW), models.FilteredJobs)
    assert_type(secretary.call("GET", "/api/stats", params={"a": 1}), Any)


def files(secretary: Client, path: Path) -> None:
    """Use the calls on files and batches."""
    assert_type(secretary.upload(path), str)
    secretary.upload("a.pdf", on_progress=print)
    secretary.upload(b"%PDF", filename="a.pdf")
    with path.open("rb") as file:
        secretary.upload(file)
    assert_type(secretary.files("j"), list[models.JobFile])
    secretary.download("j", "a.jpg", path)
    secretary.archive("j", "all.zip")
    assert_type(
        secretary.presign("a.mp4", size=1, content_type="video/mp4"), models.PresignedUpload
    )
    made = secretary.batches.submit([{"job_type": "pdf", "parameters": {}, "priority": 1}])
    assert_type(made, models.BatchSubmitted)
    assert_type(secretary.batches.get("b"), models.Batch)
    assert_type(secretary.batches.cancel("b"), models.Batch)
    assert_type(secretary.batches.retry_failed("b"), models.Batch)
    for batch in secretary.batches:
        assert_type(batch, models.Batch)


def webhooks(secretary: Client) -> None:
    """Use the calls on webhooks and endpoints."""
    assert_type(secretary.deliveries(status="dead"), Iterator[models.Delivery])
    assert_type(secretary.deliveries_of("j"), Iterator[models.Delivery])
    assert_type(secretary.resend("msg"), models.Delivery)
    assert_type(secretary.recover(NOW), int)
    assert_type(secretary.receivers(), list[models.Receiver])
    assert_type(secretary.test_webhook("u", token="t", secret="s"), models.Delivery)
    endpoint = secretary.endpoints.create("u", events=["failed"], tags=None, secret="s")
    assert_type(endpoint, models.Endpoint)
    assert_type(secretary.endpoints.get("e"), models.Endpoint)
    assert_type(secretary.endpoints.change("e", url="u", enabled=False), models.Endpoint)
    assert_type(secretary.endpoints.rotate("e", overlap_sec=60), models.RotatedSecret)
    assert_type(secretary.endpoints.replay("e", NOW, "2026-01-01T00:00:00Z"), int)
    assert_type(secretary.endpoints.test("e"), models.Delivery)
    secretary.endpoints.delete("e")
    for one in secretary.endpoints:
        assert_type(one, models.Endpoint)
    assert_type(secretary.endpoints.all(), Iterator[models.Endpoint])
    assert_type(verify_webhook(["a", "b"], {}, b""), dict[str, Any])


def system(secretary: Client) -> None:
    """Use the calls on the system."""
    assert_type(secretary.keys.all(), list[models.ApiKey])
    made = secretary.keys.create("n", scopes=["read"], expires_at=NOW, limits={"max_running": 1})
    assert_type(made, models.KeyCreated)
    assert_type(secretary.keys.change("k", limits={"max_bytes": None}), models.ChangedKey)
    secretary.keys.delete("k")
    assert_type(secretary.job_types(), list[models.JobType])
    assert_type(secretary.pause("pdf"), models.JobType)
    assert_type(secretary.resume("pdf"), models.JobType)
    assert_type(secretary.templates(), list[models.Template])
    assert_type(secretary.stats(), models.Stats)
    assert_type(secretary.overview(), dict[str, Any])
    assert_type(secretary.workers(), list[models.Worker])
    assert_type(secretary.audit(), Iterator[models.AuditEntry])


async def asynchronous(secretary: AsyncClient) -> None:
    """Use one call of each kind: both clients share the rest."""
    asked = assert_type(secretary.job("j"), Coroutine[Any, Any, models.Job])
    assert_type(await asked, models.Job)
    assert_type(await secretary.submit("pdf", {}, delay_sec=1.5), models.Job)
    assert_type(await secretary.run("pdf", {}, timeout=5), dict[str, Any])
    assert_type(secretary.jobs(tag="a"), AsyncIterator[models.JobSummary])
    async for event in secretary.follow("j", timeout=3):
        assert_type(event.data["progress"], models.JobProgress | None)
    async for change in secretary.stream():
        assert_type(change.data["tags"], list[str])
    async for endpoint in secretary.endpoints:
        assert_type(endpoint, models.Endpoint)
    assert_type(await secretary.batches.submit([]), models.BatchSubmitted)
    assert_type(await secretary.keys.all(), list[models.ApiKey])


def main() -> None:
    """Make the clients."""

    def seen(retry: Retry) -> None:
        assert_type(retry.left_sec, float)

    with Client("localhost:5001", "sk", retry_sec=5, timeout=3, on_retry=seen) as secretary:
        assert_type(secretary, Client)
        secretary.submit("pdf", {}, priority="high")  # type: ignore[arg-type]
        secretary.job(3)  # type: ignore[arg-type]
        secretary.submit("pdf", {}, prioriti=3)  # type: ignore[call-arg]
