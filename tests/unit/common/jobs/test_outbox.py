"""From the outbox slot to a delivery: the bodies, and no event twice."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretary_common.jobs.outbox import relay
from secretary_common.jobs.payload import LONGEST_BODY_BYTES, body_of
from secretary_common.jobs.repetition import stated_once
from secretary_common.jobs.slot import LONGEST_PRECEDENCE_SEC, progress_slot
from secretary_common.models import (
    Delivery,
    DeliveryState,
    Job,
    JobError,
    JobProgress,
    JobStatus,
    NotifySlot,
    OvertakenProgress,
    Phase,
    ResultsFile,
    Webhook,
)
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_common.testing.jobs import InMemoryJobRepository

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
PUBLIC_URL = "https://secretary.example"
HOOK = Webhook(url="https://example.com/hook", token="sealed token", secret="sealed secret")


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def slot(phase: Phase = Phase.COMPLETED, seq: int = 7, due_at: datetime = NOW) -> NotifySlot:
    return NotifySlot(seq=seq, run=1, phase=phase, due_at=due_at)


def job(**fields: Any) -> Job:
    given = {
        "job_id": "job-1",
        "job_type": "pdf",
        "owner": "key-1",
        "run_at": NOW,
        "created_at": NOW,
        "updated_at": after(2),
        "seq": 7,
        "webhook": HOOK,
        "notify": slot(),
    }
    return Job.model_validate({**given, **fields})


def sent(given: Job, phase: Phase) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(body_of(given, slot(phase), PUBLIC_URL))
    return parsed


def test_progress_has_step_percent_and_message() -> None:
    progress = JobProgress(step="extracting_text", percent=50, message="Extracting text…")
    assert sent(job(progress=progress), Phase.PROCESSING) == {
        "phase": "processing",
        "progress": 50,
        "message": "Extracting text…",
        "step": "extracting_text",
        "process": {"id": "job-1", "main_processor": "pdf"},
        "job": {"id": "job-1"},
        "schema_version": 1,
        "seq": 7,
        "run": 1,
        "occurred_at": "2026-01-01T12:00:02.000Z",
    }


def test_completion_carries_the_results() -> None:
    results = {"extracted_text": "Grüße", "metadata": {"page_count": 3}}
    given = job(status=JobStatus.COMPLETED, results=results, completed_at=after(3))
    payload = sent(given, Phase.COMPLETED)
    assert payload["message"] == "Processing completed"
    assert payload["data"] == results
    assert payload["occurred_at"] == "2026-01-01T12:00:03.000Z"


def test_a_failure_carries_the_error_that_the_handler_chose() -> None:
    error = JobError(code="PDF_INVALID", message="It broke", details={"page": 3})
    payload = sent(job(status=JobStatus.FAILED, error=error), Phase.FAILED)
    assert payload["message"] == "It broke"
    assert payload["error"] == {
        "code": "PDF_INVALID",
        "message": "It broke",
        "details": {"page": 3},
    }
    assert payload["data"] is None


def test_the_text_of_an_unexpected_exception_stays_with_the_owner_of_the_job() -> None:
    details = {"error_type": "ValueError", "traceback": "secret paths"}
    error = JobError(code="PROCESSING_ERROR", message="ValueError: p@ssword", details=details)
    payload = sent(job(status=JobStatus.FAILED, error=error), Phase.FAILED)
    assert "p@ssword" not in str(payload)
    assert payload["message"] == payload["error"]["message"]
    assert "unexpected error" in payload["message"]
    assert payload["error"]["code"] == "PROCESSING_ERROR"
    assert payload["error"]["details"] == {"error_type": "ValueError"}


def test_a_cancellation_has_its_own_message() -> None:
    payload = sent(job(status=JobStatus.CANCELLED), Phase.CANCELLED)
    assert (payload["phase"], payload["message"]) == ("cancelled", "Processing cancelled")


def test_the_body_is_compact_utf8() -> None:
    body = body_of(job(results={"text": "ä"}), slot(), PUBLIC_URL)
    assert '"data":{"text":"ä"}'.encode() in body


def test_times_in_results_are_sent_as_text() -> None:
    payload = sent(job(results={"at": NOW}), Phase.COMPLETED)
    assert payload["data"] == {"at": "2026-01-01T12:00:00.000Z"}


def test_results_that_are_too_large_are_linked() -> None:
    given = job(results={"text": "x" * LONGEST_BODY_BYTES})
    payload = sent(given, Phase.COMPLETED)
    assert "data" not in payload
    assert payload["data_url"] == "https://secretary.example/api/jobs/job-1/results"


@pytest.mark.parametrize(
    ("kilobytes", "left_out"),
    [
        (50, None),
        (70, ["structured_data"]),
        (100, ["structured_data"]),
        (200, ["structured_data", "metadata.text_contents"]),
    ],
)
def test_a_body_that_is_too_large_first_leaves_out_what_repeats(
    kilobytes: int, left_out: list[str] | None
) -> None:
    text = "x" * 1024 * kilobytes
    metadata = {"page_count": 1, "text_contents": [{"page": 1, "text": text}]}
    result = {"extracted_text": text, "metadata": metadata}
    whole = {**result, "structured_data": result}
    payload = sent(job(results=stated_once(whole)), Phase.COMPLETED)
    assert payload == sent(job(results=whole), Phase.COMPLETED)
    assert payload["data"]["extracted_text"] == text
    assert payload["data"]["metadata"]["page_count"] == 1
    assert payload.get("data_left_out") == left_out
    assert ("data_url" in payload) == (left_out is not None)
    if left_out is None:
        assert payload["data"] == whole


def test_results_in_a_file_are_linked() -> None:
    stored = ResultsFile(file_id="file-1", size=300_000)
    payload = sent(job(status=JobStatus.COMPLETED, results_file=stored), Phase.COMPLETED)
    assert "data" not in payload
    assert payload["data_url"] == "https://secretary.example/api/jobs/job-1/results"


def test_an_error_that_is_too_large_keeps_code_and_message() -> None:
    error = JobError(code="X", message="m", details={"text": "x" * LONGEST_BODY_BYTES})
    payload = sent(job(error=error), Phase.FAILED)
    assert payload["error"] == {"code": "X", "message": "m", "details": None}


def test_a_body_never_carries_the_webhooks_secrets() -> None:
    assert b"sealed" not in body_of(job(), slot(), PUBLIC_URL)


def test_the_clients_own_job_id_is_echoed() -> None:
    webhook = HOOK.model_copy(update={"client_job_id": "my job/1"})
    assert sent(job(webhook=webhook), Phase.COMPLETED)["job"] == {"id": "my job/1"}


class Outbox:
    """A job with a slot, and the repositories of its relay."""

    def __init__(self, **fields: Any) -> None:
        self.jobs = InMemoryJobRepository()
        self.deliveries = InMemoryDeliveryRepository()
        self.job = job(**fields)
        self.jobs.jobs["job-1"] = self.job

    async def relay(self, now: datetime = NOW, **options: Any) -> Delivery | None:
        return await relay(self.job, self.jobs, self.deliveries, now, PUBLIC_URL, **options)

    def now(self) -> Job:
        return self.jobs.jobs["job-1"]


async def test_a_due_slot_becomes_a_delivery_and_is_cleared() -> None:
    outbox = Outbox()
    made = await outbox.relay()
    assert made is not None
    assert made.delivery_id == "msg_job-1_7"
    assert (made.state, made.next_attempt_at) == (DeliveryState.PENDING, NOW)
    assert (made.url, made.origin) == ("https://example.com/hook", "https://example.com:443")
    assert (made.token, made.secret) == ("sealed token", "sealed secret")
    assert (outbox.now().notify, outbox.now().notified_at) == (None, NOW)


async def test_a_repeated_relay_makes_one_delivery_with_the_first_bytes() -> None:
    outbox = Outbox(results={"n": 1})
    first = await outbox.relay()
    outbox.job = outbox.job.model_copy(update={"results": {"n": 2}})
    await outbox.relay(after(60))
    assert list(outbox.deliveries.deliveries.values()) == [first]


async def test_a_newer_event_in_the_slot_is_not_cleared_by_an_older_relay() -> None:
    outbox = Outbox()
    newer = slot(seq=9)
    outbox.jobs.jobs["job-1"] = outbox.job.model_copy(update={"notify": newer})
    await outbox.relay()
    assert outbox.now().notify == newer


async def test_a_newer_progress_in_the_slot_waits_a_second() -> None:
    outbox = Outbox(notify=slot(Phase.PROCESSING))
    newer = slot(Phase.PROCESSING, seq=9)
    outbox.jobs.jobs["job-1"] = outbox.job.model_copy(update={"notify": newer})
    await outbox.relay()
    assert outbox.now().notify == newer.model_copy(update={"due_at": after(1)})


async def test_a_slot_that_is_not_due_stays() -> None:
    outbox = Outbox(notify=slot(due_at=after(1)))
    assert await outbox.relay() is None
    assert outbox.now().notify == outbox.job.notify


async def test_a_progress_within_a_second_of_the_last_is_postponed() -> None:
    outbox = Outbox(notify=slot(Phase.PROCESSING), notified_at=after(-0.4))
    assert await outbox.relay() is None
    put_off = outbox.now().notify
    assert put_off is not None
    assert put_off.due_at == after(0.6)
    assert outbox.deliveries.deliveries == {}


async def test_a_terminal_event_never_waits_for_the_progress_interval() -> None:
    outbox = Outbox(notified_at=after(-0.1))
    assert await outbox.relay() is not None


async def test_the_first_attempt_of_a_terminal_event_may_be_delayed() -> None:
    made = await Outbox().relay(wait_sec=3)
    assert made is not None
    assert made.next_attempt_at == after(3)


def ended_slot() -> NotifySlot:
    """The slot of a job that ended before its progress became an event."""
    progress = JobProgress(step="reading", percent=30)
    overtaken = OvertakenProgress(seq=6, at=after(-0.01), progress=progress)
    return slot().model_copy(update={"overtaken": overtaken})


async def test_the_progress_of_a_short_job_is_due_before_its_end() -> None:
    outbox = Outbox(notify=ended_slot())
    end = await outbox.relay()
    progress, stored_end = outbox.deliveries.deliveries.values()
    assert end == stored_end
    assert (progress.delivery_id, progress.phase) == ("msg_job-1_6", Phase.PROCESSING)
    assert (progress.next_attempt_at, progress.followed_by) == (NOW, 7)
    payload = json.loads(progress.body)
    assert (payload["seq"], payload["progress"], payload["step"]) == (6, 30, "reading")
    assert payload["occurred_at"] == "2026-01-01T11:59:59.990Z"
    assert (end.delivery_id, end.next_attempt_at) == ("msg_job-1_7", after(LONGEST_PRECEDENCE_SEC))
    assert outbox.now().notify is None


async def test_a_progress_that_was_an_event_already_is_not_made_again() -> None:
    outbox = Outbox(notify=ended_slot(), notified_at=after(-0.01))
    end = await outbox.relay()
    assert list(outbox.deliveries.deliveries.values()) == [end]
    assert end is not None
    assert end.next_attempt_at == NOW


async def test_a_repeated_relay_makes_the_progress_of_a_short_job_once() -> None:
    outbox = Outbox(notify=ended_slot())
    await outbox.relay()
    made = dict(outbox.deliveries.deliveries)
    await outbox.relay(after(2))
    assert outbox.deliveries.deliveries == made


async def test_the_job_id_in_the_url_is_escaped() -> None:
    webhook = Webhook(url="https://example.com/{jobId}/done", client_job_id="a/b?c")
    made = await Outbox(webhook=webhook).relay()
    assert made is not None
    assert made.url == "https://example.com/a%2Fb%3Fc/done"


async def test_an_event_for_a_bad_url_becomes_a_delivery() -> None:
    made = await Outbox(webhook=Webhook(url="ftp://example.com/")).relay()
    assert made is not None


async def test_a_slot_without_a_webhook_is_cleared() -> None:
    outbox = Outbox(webhook=None)
    assert await outbox.relay() is None
    assert outbox.now().notify is None


@pytest.mark.parametrize(
    ("notified_at", "due_at"),
    [(None, NOW), (after(-5), NOW), (after(-0.25), after(0.75))],
)
def test_progress_is_due_a_second_after_the_last(
    notified_at: datetime | None, due_at: datetime
) -> None:
    made = progress_slot(job(run=2), 3, NOW, notified_at)
    assert made == NotifySlot(seq=3, run=2, phase=Phase.PROCESSING, due_at=due_at)


def test_progress_without_a_webhook_sets_no_slot() -> None:
    quiet = HOOK.model_copy(update={"progress": False})
    for webhook in (None, quiet):
        assert progress_slot(job(webhook=webhook), 1, NOW, None) is None
