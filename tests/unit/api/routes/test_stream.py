"""The stream of a job over HTTP."""

from __future__ import annotations

import pytest
from support.api_harness import Api, error_of
from support.stream_events import events_in

from secretary_api.routes.stream import WrittenEvents
from secretary_common.models import Job, JobError, JobProgress
from secretary_common.models.states import JobStatus


async def ended(api: Api) -> Job:
    now = api.clock.now()
    job = Job(
        job_id="job-1",
        job_type="custom",
        owner="bootstrap",
        status=JobStatus.FAILED,
        seq=7,
        progress=JobProgress(step="reading", percent=40, message="page 2\nof 5"),
        error=JobError(code="PDF_INVALID", message="the file is no readable PDF"),
        run_at=now,
        created_at=now,
        updated_at=now,
        completed_at=now,
    )
    await api.jobs.insert(job)
    return job


async def test_a_place_that_is_not_known_resets_the_stream_of_all_jobs(api: Api) -> None:
    answer = await api.get("/api/stream", headers={"Last-Event-ID": "not a place"})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.text.endswith("event: reset\ndata: {}\n\n")


async def test_an_unknown_filter_of_the_stream_is_refused(api: Api) -> None:
    error_of(await api.get("/api/stream?colour=blue"), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize("last", [None, "6", "", "x", "-8", "8.5", "9" * 400])
async def test_a_client_that_does_not_know_the_end_gets_it_as_the_last_event(
    api: Api, last: str | None
) -> None:
    await ended(api)
    headers = {} if last is None else {"Last-Event-ID": last}
    answer = await api.get("/api/jobs/job-1/stream", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.startswith("retry: 2000\n\n")
    [event] = events_in(answer.text.split("\n"))
    assert (event.seq, event.name) == (7, "failed")
    assert event.data == {
        "seq": 7,
        "job_id": "job-1",
        "status": "failed",
        "progress": {"step": "reading", "percent": 40, "message": "page 2\nof 5"},
        "error": {
            "code": "PDF_INVALID",
            "message": "the file is no readable PDF",
            "details": None,
        },
    }


@pytest.mark.parametrize("last", ["7", "8"])
async def test_a_client_that_knows_the_end_gets_204(api: Api, last: str) -> None:
    await ended(api)
    answer = await api.get("/api/jobs/job-1/stream", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_job_of_another_key_has_no_stream(api: Api) -> None:
    await ended(api)
    other = await api.new_key()
    error_of(await api.get("/api/jobs/job-1/stream", key=other), 404, "NOT_FOUND")
    error_of(await api.get("/api/jobs/job-1/stream", key=None), 401, "UNAUTHORIZED")
    error_of(await api.get("/api/jobs/job-2/stream"), 404, "NOT_FOUND")


async def test_an_event_is_written_once_for_all_clients_and_again_after_a_change(api: Api) -> None:
    job, written = await ended(api), WrittenEvents(most=2)
    text = written.text_of(job)
    assert written.text_of(job.model_copy()) is text
    changed = written.text_of(job.model_copy(update={"seq": 8, "error": None}))
    assert '"seq":8' in changed
    assert '"error":null' in changed
    written.text_of(job.model_copy(update={"job_id": "job-2"}))
    again = written.text_of(job)
    assert again == text
    assert again is not text
