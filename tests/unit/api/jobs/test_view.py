"""The views of jobs, their logs and their webhooks."""

from __future__ import annotations

from typing import Any

import pytest
from support.api_harness import Api, data_of, refused_field

from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import JobMoved, JobPage, JobView, LogPage, Submitted
from secretary_common.jobs.repetition import stated_once
from secretary_common.models import (
    Delivery,
    DeliveryAttempt,
    Job,
    JobError,
    JobFile,
    JobProgress,
    Lease,
    LogEntry,
    NotifySlot,
    Settled,
    Webhook,
)
from secretary_common.models.file import INLINE_RESULTS_BYTES
from secretary_common.models.states import DeliveryState, JobStatus, Phase

SHOWN = {
    "job_id",
    "job_type",
    "job_name",
    "status",
    "parameters",
    "target",
    "priority",
    "tags",
    "user_id",
    "batch_id",
    "run",
    "run_at",
    "attempt",
    "max_attempts",
    "timeout_sec",
    "created_at",
    "updated_at",
    "processing_started_at",
    "completed_at",
    "progress",
    "results",
    "results_url",
    "error",
    "files",
    "logs",
    "deleted_at",
    "seq",
    "cancel_requested",
    "usage",
}


async def stored(api: Api, job_id: str = "job-1", **fields: Any) -> Job:
    now = api.clock.now()
    times = {"run_at": now, "created_at": now, "updated_at": now}
    job = Job(**{"job_id": job_id, "job_type": "custom", "owner": "bootstrap", **times, **fields})
    await api.jobs.insert(job)
    return job


async def test_a_job_is_shown_without_its_lease_and_its_secrets(api: Api) -> None:
    now = api.clock.now()
    lease = Lease(owner="w-boot", token="lease-token", expires_at=now)
    await stored(
        api,
        status=JobStatus.PROCESSING,
        lease=lease,
        settled=Settled(token="lease-token", outcome="retry"),
        notify=NotifySlot(seq=1, run=1, phase=Phase.PROCESSING, due_at=now),
        webhook=Webhook(url="https://x.org", token="sealed-token"),
        progress=JobProgress(step="reading", percent=25, message="page 1"),
        error=JobError(code="PDF_INVALID", message="no", details={"a": 1}),
        processing_started_at=now,
    )

    answer = await api.get("/api/jobs/job-1")
    shown = data_of(answer)
    assert set(shown) == SHOWN
    assert shown["progress"] == {"step": "reading", "percent": 25, "message": "page 1"}
    assert shown["error"] == {"code": "PDF_INVALID", "message": "no", "details": {"a": 1}}
    assert shown["processing_started_at"] == "2026-01-01T00:00:00.000Z"
    for hidden in ("lease-token", "w-boot", "sealed-token"):
        assert hidden not in answer.text


async def test_a_listing_is_brief(api: Api) -> None:
    await stored(api, parameters={"a": 1}, results={"b": 2})
    (summary,) = data_of(await api.get("/api/jobs/"))["jobs"]
    only_in_full = {"parameters", "target", "results", "results_url", "files", "logs", "deleted_at"}
    assert set(summary) == SHOWN - only_in_full


async def test_results_over_256_kib_have_their_own_path(api: Api) -> None:
    results = {"text": "x" * INLINE_RESULTS_BYTES}
    await stored(api, results=results, status=JobStatus.COMPLETED)
    shown = data_of(await api.get("/api/jobs/job-1"))
    assert shown["results"] is None
    whole = data_of(await api.get(shown["results_url"]))
    assert whole == {"job_id": "job-1", "status": "completed", "results": results}


async def test_results_that_are_stored_once_are_shown_as_the_handler_set_them(api: Api) -> None:
    page = {"page": 1, "text": "Grüße 😀", "method": "native"}
    result = {"extracted_text": "--- Page 1 ---\nGrüße 😀", "metadata": {"text_contents": [page]}}
    results = {**result, "structured_data": result}
    await stored(api, results=stated_once(results), status=JobStatus.COMPLETED)
    assert data_of(await api.get("/api/jobs/job-1"))["results"] == results
    assert data_of(await api.get("/api/jobs/job-1/results"))["results"] == results


async def test_small_results_are_part_of_the_job(api: Api) -> None:
    await stored(
        api, results={"text": "ä\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")}
    )
    shown = data_of(await api.get("/api/jobs/job-1"))
    assert (shown["results"], shown["results_url"]) == ({"text": "ä😀"}, None)


async def test_a_job_shows_its_last_hundred_log_entries(api: Api) -> None:
    await stored(api)
    entries = [
        LogEntry(timestamp=api.clock.now(), level="info", message=str(n), attempt=1, seq=n)
        for n in range(120)
    ]
    await api.logs.append("job-1", entries)
    logs = data_of(await api.get("/api/jobs/job-1"))["logs"]
    assert [entry["seq"] for entry in logs] == list(range(20, 120))
    assert logs[0] == {
        "seq": 20,
        "attempt": 1,
        "timestamp": "2026-01-01T00:00:00.000Z",
        "level": "info",
        "message": "20",
    }


async def test_deliveries_show_their_attempts_and_no_secret(api: Api) -> None:
    await stored(api)
    now = api.clock.now()
    attempt = DeliveryAttempt(at=now, status_code=500, duration_ms=3, response="no")
    for seq, state in ((1, DeliveryState.DELIVERED), (2, DeliveryState.PENDING)):
        delivery = Delivery(
            delivery_id=f"msg_job-1_{seq}",
            job_id="job-1",
            owner="bootstrap",
            seq=seq,
            run=1,
            phase=Phase.PROCESSING,
            url="https://x.org",
            origin="https://x.org:443",
            body=b"frozen",
            token="sealed-token",
            state=state,
            created_at=now,
            next_attempt_at=now,
            attempts=[attempt],
        )
        await api.deliveries.insert_absent([delivery])
    answer = await api.get("/api/jobs/job-1/deliveries")
    first, second = data_of(answer)["deliveries"]
    assert first["id"] == "msg_job-1_1"
    assert first["attempts"][0]["status_code"] == 500
    assert (first["next_attempt_at"], second["next_attempt_at"]) == (
        None,
        "2026-01-01T00:00:00.000Z",
    )
    assert "sealed-token" not in answer.text


async def test_job_types_are_listed_with_their_schema(api: Api) -> None:
    custom, pdf = data_of(await api.get("/api/job-types"))["job_types"]
    assert custom == {"job_type": "custom", "schema": None, "paused": False, "workers": 0}
    assert "extraction_method" in pdf["schema"]["properties"]


async def test_every_page_of_a_listing_can_be_read_while_jobs_are_submitted(api: Api) -> None:
    for n in range(7):
        await stored(api, f"job-{n}")
        if n % 3 == 0:  # several at the same millisecond
            api.clock.advance(1)
    seen, cursor = [], ""
    while True:
        page = data_of(await api.get(f"/api/jobs/?limit=2{cursor}"))
        seen += [job["job_id"] for job in page["jobs"]]
        api.clock.advance(1)
        await stored(api, f"job-new-{len(seen)}")
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [f"job-{n}" for n in (6, 5, 4, 3, 2, 1, 0)]
    again = data_of(await api.get(f"/api/jobs/?limit=2{cursor}"))
    assert again == page


async def test_a_listing_is_filtered(api: Api) -> None:
    await stored(api, "job-a", tags=["x"], user_id="u", status=JobStatus.FAILED)
    api.clock.advance(60)
    await stored(api, "job-b", job_type="pdf")
    for query, expected in [
        ("status=failed", ["job-a"]),
        ("tag=x", ["job-a"]),
        ("user_id=u", ["job-a"]),
        ("job_type=pdf", ["job-b"]),
        ("created_after=2026-01-01T00:00:30Z", ["job-b"]),
        ("created_before=2026-01-01T00:00:30Z", ["job-a"]),
        ("status=completed", []),
    ]:
        found = data_of(await api.get(f"/api/jobs/?{query}"))["jobs"]
        assert [job["job_id"] for job in found] == expected, query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=251", "limit"),
        ("status=done", "status"),
        ("created_after=yesterday", "created_after"),
        ("created_before=9999-12-31T23:59:59-14:00", "created_before"),
        ("cursor=x", "cursor"),
        ("cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk6am9iLTE", "cursor"),
        ("cursor=%C3%A4", "cursor"),
        ("colour=red", "colour"),
    ],
)
async def test_a_bad_filter_is_named(api: Api, query: str, field: str) -> None:
    refused_field(await api.get(f"/api/jobs/?{query}"), field)


async def test_answers_are_written_as_their_models_describe_them(api: Api) -> None:
    now = api.clock.now()
    job = await stored(
        api,
        status=JobStatus.COMPLETED,
        progress=JobProgress(step="reading", percent=25, message="ü"),
        error=JobError(code="PDF_INVALID", message="no", details={"a": 1.5e30}),
        results={"text": "ä\n", "number": 1e16},
        files=[JobFile(name="a b.txt", file_id="f", size=1, sha256="0", content_type="text/plain")],
        timeout_sec=2.0,
        completed_at=now,
        webhook=Webhook(url="https://x.org", token="sealed-token"),
        usage={"pages": 2},
    )
    entry = LogEntry(timestamp=now, level="info", message="m", attempt=1, seq=0)
    await api.logs.append(job.job_id, [entry])
    for model, answer in (
        (Success[JobView], await api.get("/api/jobs/job-1")),
        (Success[JobPage], await api.get("/api/jobs/")),
        (Success[LogPage], await api.get("/api/jobs/job-1/logs")),
        (Success[JobMoved], await api.request("POST", "/api/jobs/job-1/retry")),
        (Success[Submitted], await api.submit({"a": [1, None]}, timeout_sec=3)),
    ):
        described = model.model_validate_json(answer.content)
        assert answer.content == described.model_dump_json().encode()
