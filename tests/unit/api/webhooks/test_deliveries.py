"""Webhooks over HTTP: list, resend, recover, test a receiver."""

import asyncio
from typing import Any

import pytest
from support.api_harness import SIGNING_SECRET, Api, data_of, error_of, refused_field

from secretary_common.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryRecord,
    DeliveryState,
    Endpoint,
    Job,
    JobStatus,
    Lease,
    NewerWord,
    Phase,
)

DEAD = DeliveryState.DEAD


async def stored(api: Api, job_id: str = "job-1", seq: int = 7, **fields: Any) -> Delivery:
    """Store a dead delivery of the admin; *fields* replace its values."""
    now = api.clock.now()
    attempt = DeliveryAttempt(at=now, status_code=500, duration_ms=3, response="no")
    given = {
        "delivery_id": f"msg_{job_id}_{seq}",
        "job_id": job_id,
        "owner": "bootstrap",
        "seq": seq,
        "run": 1,
        "phase": Phase.COMPLETED,
        "url": "https://x.org",
        "origin": "https://x.org:443",
        "body": b"frozen",
        "token": "sealed-token",
        "state": DEAD,
        "created_at": now,
        "attempts": [attempt],
        "tries": 1,
        "reason": "every attempt failed",
    }
    delivery = Delivery.model_validate({**given, **fields})
    await api.deliveries.insert_absent([delivery])
    return delivery


async def stored_job(api: Api, **fields: Any) -> None:
    times = dict.fromkeys(("run_at", "created_at", "updated_at"), api.clock.now())
    job = Job(job_id="job-1", job_type="custom", owner="bootstrap", **times)
    await api.jobs.insert(job.model_copy(update=fields))


async def ids(api: Api, path: str, **options: Any) -> list[str]:
    found = data_of(await api.get(path, **options))["deliveries"]
    return [each["id"] for each in found]


async def key_of(api: Api, name: str) -> tuple[str, str]:
    """Return a key and its id."""
    key = await api.new_key(name)
    return key, key.split("_")[1]


async def test_a_webhook_with_a_phase_of_a_newer_version_is_listed(api: Api) -> None:
    newer = (await stored(api)).model_copy(
        update={"delivery_id": "msg_job-1_8", "phase": NewerWord("started")}
    )
    await api.deliveries.insert_absent([newer])
    shown = data_of(await api.get("/api/deliveries"))["deliveries"]
    assert {each["phase"]: each["job_id"] for each in shown} == {
        "completed": "job-1",
        "started": "job-1",
    }


async def test_dead_webhooks_are_listed_with_their_reason_and_every_attempt(api: Api) -> None:
    await stored(api)
    await stored(api, "job-2", state=DeliveryState.DELIVERED)
    answer = await api.get("/api/deliveries?status=dead")
    [shown] = data_of(answer)["deliveries"]
    assert shown == {
        "id": "msg_job-1_7",
        "job_id": "job-1",
        "endpoint_id": None,
        "seq": 7,
        "phase": "completed",
        "state": "dead",
        "url": "https://x.org",
        "receiver": "https://x.org:443",
        "created_at": "2026-01-01T00:00:00.000Z",
        "next_attempt_at": None,
        "wait": None,
        "muted_until": None,
        "reason": "every attempt failed",
        "attempts": [
            {
                "at": "2026-01-01T00:00:00.000Z",
                "status_code": 500,
                "duration_ms": 3,
                "address": None,
                "error": None,
                "response": "no",
            }
        ],
    }
    assert "sealed" not in answer.text
    assert "frozen" not in answer.text


async def test_every_page_of_a_listing_can_be_read(api: Api) -> None:
    for number in range(7):
        await stored(api, f"job-{number}")
        if number % 3 == 0:  # several at the same millisecond
            api.clock.advance(1)
    seen: list[str] = []
    cursor = ""
    while True:
        page = data_of(await api.get(f"/api/deliveries?status=dead&limit=2{cursor}"))
        seen += [each["job_id"] for each in page["deliveries"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [f"job-{number}" for number in range(6, -1, -1)]


async def test_the_webhooks_of_a_job_are_listed_in_the_order_of_their_events(api: Api) -> None:
    await stored_job(api)
    for seq in (12, 3, 7, 1, 9):  # deliveries are not made in the order of their events
        await stored(api, seq=seq)
    await stored(api, "job-2", seq=8)
    path = "/api/jobs/job-1/deliveries"
    seen: list[list[int]] = []
    cursor = ""
    while True:
        page = data_of(await api.get(f"{path}?limit=2{cursor}"))
        seen.append([each["seq"] for each in page["deliveries"]])
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [[1, 3], [7, 9], [12]]
    assert len(await ids(api, path)) == 5


async def test_a_page_of_a_jobs_webhooks_has_fifty_by_default(api: Api) -> None:
    await stored_job(api)
    for seq in range(1, 252):
        await stored(api, seq=seq)
    page = data_of(await api.get("/api/jobs/job-1/deliveries"))
    assert (len(page["deliveries"]), page["next"]) == (50, "50:msg_job-1_50")
    assert len(await ids(api, "/api/jobs/job-1/deliveries?limit=250")) == 250


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=251", "limit"),
        ("cursor=MTox", "cursor"),
        ("status=x", "status"),
    ],
)
async def test_an_invalid_page_of_a_jobs_webhooks_is_refused(
    api: Api, query: str, field: str
) -> None:
    await stored_job(api)
    refused_field(await api.get(f"/api/jobs/job-1/deliveries?{query}"), field)


async def test_a_key_sees_resends_and_recovers_only_its_own_webhooks(api: Api) -> None:
    (mine, my_id), (theirs, their_id) = [await key_of(api, name) for name in ("mine", "theirs")]
    await stored(api, "job-1", owner=my_id)
    await stored(api, "job-2", owner=their_id)
    assert await ids(api, "/api/deliveries", key=mine) == ["msg_job-1_7"]
    assert len(await ids(api, "/api/deliveries")) == 2, "an admin sees all"
    error_of(
        await api.request("POST", "/api/deliveries/msg_job-2_7/resend", key=mine),
        404,
        "NOT_FOUND",
    )
    span = {"since": "2025-12-31T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
    answer = await api.request("POST", "/api/deliveries/recover", key=theirs, json=span)
    assert (answer.status_code, data_of(answer)) == (202, {"count": 1})
    states = {each.job_id: each.state for each in api.deliveries.deliveries.values()}
    assert states == {"job-1": DEAD, "job-2": DeliveryState.PENDING}


async def test_a_resent_webhook_is_due_now_and_rung(api: Api) -> None:
    delivery = await stored(api)
    api.clock.advance(60)
    answer = await api.request("POST", "/api/deliveries/msg_job-1_7/resend")
    assert answer.status_code == 202
    shown = data_of(answer)["delivery"]
    assert (shown["state"], shown["next_attempt_at"]) == ("pending", "2026-01-01T00:01:00.000Z")
    assert api.doorbell.deliveries == [(delivery.job_id, delivery.seq)]


async def test_a_webhook_that_is_being_sent_or_was_dropped_is_not_resent(api: Api) -> None:
    waiting = await stored(
        api, state=DeliveryState.PENDING, next_attempt_at=api.clock.now(), attempts=[]
    )
    lease = Lease(owner="n", token="t", expires_at=api.clock.now())
    await api.deliveries.claim([waiting.delivery_id], lease, api.clock.now())
    dropped = await stored(api, "job-2", state=DeliveryState.DROPPED, phase=Phase.PROCESSING)
    for delivery in (waiting, dropped):
        path = f"/api/deliveries/{delivery.delivery_id}/resend"
        error_of(await api.request("POST", path), 409, "INVALID_STATE")


@pytest.mark.parametrize("state", ["disabled", "deleted"])
async def test_a_webhook_of_an_endpoint_that_takes_no_events_is_not_resent(
    api: Api, state: str
) -> None:
    if state == "disabled":
        now = api.clock.now()
        given = {"url": "https://example.com/", "created_at": now, "updated_at": now}
        one = Endpoint(endpoint_id="ep-1", owner="bootstrap", enabled=False, **given)
        await api.endpoints.insert(one)
    await stored(api, endpoint_id="ep-1")
    answer = await api.request("POST", "/api/deliveries/msg_job-1_7/resend")
    error = error_of(answer, 409, "INVALID_STATE")
    assert state in error["message"]


async def test_old_progress_is_not_resent_after_the_end(api: Api) -> None:
    await stored(api, seq=3, phase=Phase.PROCESSING)
    await stored(api, seq=7)
    answer = await api.request("POST", "/api/deliveries/msg_job-1_3/resend")
    error_of(answer, 409, "INVALID_STATE")


async def test_the_webhooks_of_a_deleted_job_are_hidden(api: Api) -> None:
    await stored_job(api, status=JobStatus.COMPLETED, deleted_at=api.clock.now())
    await stored(api)
    assert await ids(api, "/api/deliveries") == []
    answer = await api.request("POST", "/api/deliveries/msg_job-1_7/resend")
    error_of(answer, 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"since": "2026-01-01T00:00:00Z"}, "until"),
        ({"since": "yesterday", "until": "2026-01-01T00:00:00Z"}, "since"),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "body"),
    ],
)
async def test_an_invalid_span_of_time_is_refused(
    api: Api, body: dict[str, str], field: str
) -> None:
    refused_field(await api.request("POST", "/api/deliveries/recover", json=body), field)


class Notifier:
    """Claims the next test, and records *status_code* as its answer."""

    def __init__(self, api: Api, status_code: int) -> None:
        self.api = api
        self.status_code = status_code
        self.sent: Delivery | None = None

    async def work(self) -> None:
        now = self.api.clock.now()
        await self.api.notifiers.report("notifier-1", now, {})
        due = None
        while due is None:
            await asyncio.sleep(0.001)
            lanes = await self.api.deliveries.waiting_lanes()
            due = next(iter(await self.api.deliveries.due(lanes, now, 1)), None)
        lease = Lease(owner="notifier-1", token="t", expires_at=now)
        [self.sent] = await self.api.deliveries.claim([due.delivery_id], lease, now)
        attempt = DeliveryAttempt(at=now, duration_ms=3, status_code=self.status_code)
        ended = DeliveryState.DELIVERED if self.status_code == 200 else DEAD
        record = DeliveryRecord(due.delivery_id, "t", ended, attempt=attempt)
        assert await self.api.deliveries.record([record]) == [True]


TEST = {"url": "https://example.com/{jobId}", "token": "tok-123", "secret": SIGNING_SECRET}


@pytest.mark.parametrize(("status_code", "state"), [(200, "delivered"), (500, "dead")])
async def test_a_notifier_tests_a_receiver_and_the_client_gets_its_answer(
    api: Api, status_code: int, state: str
) -> None:
    notifier = Notifier(api, status_code)
    working = asyncio.create_task(notifier.work())
    await asyncio.sleep(0)
    answer = await api.request("POST", "/api/webhooks/test", json=TEST)
    await asyncio.wait_for(working, 10)
    shown = data_of(answer)
    assert (shown["job_id"], shown["phase"], shown["state"]) == (None, "test", state)
    assert shown["receiver"] == "https://example.com:443"
    assert [attempt["status_code"] for attempt in shown["attempts"]] == [status_code]
    sent = notifier.sent
    assert sent is not None
    assert sent.url == f"https://example.com/{sent.job_id}"
    assert api.cipher.open(sent.token or "") == "tok-123"
    assert api.cipher.open(sent.secret or "") == SIGNING_SECRET
    assert api.doorbell.deliveries == [(sent.job_id, sent.seq)]
    assert "tok-123" not in answer.text


async def test_a_test_without_a_notifier_is_refused(api: Api) -> None:
    answer = await api.request("POST", "/api/webhooks/test", json=TEST)
    error_of(answer, 503, "STORE_UNAVAILABLE")
    await api.notifiers.report("notifier-1", api.clock.now(), {})
    api.clock.advance(16)  # it died
    error_of(await api.request("POST", "/api/webhooks/test", json=TEST), 503, "STORE_UNAVAILABLE")
    assert not api.deliveries.deliveries


async def test_a_test_that_no_notifier_makes_in_time_is_removed(api: Api) -> None:
    await api.notifiers.report("notifier-1", api.clock.now(), {})
    error_of(await api.request("POST", "/api/webhooks/test", json=TEST), 503, "STORE_UNAVAILABLE")
    assert not api.deliveries.deliveries


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"url": "http://127.0.0.1/"}, "url", "URL_REFUSED"),
        ({"url": "ftp://example.com/"}, "url", "URL_REFUSED"),
        ({"url": "http://8.8.2056/"}, "url", "URL_REFUSED"),
        ({"url": "https://example.com/" + "{jobId}" * 60}, "url", "VALIDATION_ERROR"),
        ({"secret": "too short"}, "secret", "VALIDATION_ERROR"),
        ({"token": "two\nlines"}, "token", "VALIDATION_ERROR"),
        ({"headers": {}}, "headers", "VALIDATION_ERROR"),
    ],
)
async def test_a_test_that_cannot_be_sent_is_refused(
    api: Api, change: dict[str, Any], field: str, code: str
) -> None:
    answer = await api.request("POST", "/api/webhooks/test", json={**TEST, **change})
    refused_field(answer, field, code)
