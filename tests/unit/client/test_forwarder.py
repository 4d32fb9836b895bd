"""``secretary listen``: which events are forwarded, in what order, and where it goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from support.misbehaving_api import MisbehavingApi, Script, http

from secretary_client.cli.commands.this_machine.listen import Report
from secretary_client.cli.commands.this_machine.listen_state import ListenState
from secretary_client.cli.session import Session
from secretary_client.error import ApiError, Unreachable
from secretary_client.event import FeedEvent
from secretary_client.listen.body import body_of, headers_of
from secretary_client.listen.feed import events_of
from secretary_client.listen.forwarder import Forwarder
from secretary_client.listen.places import Places
from secretary_client.listen.sender import MOST_ANSWERS, Outcome, Sender

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OK = Script(http(204, b""))


def event(job_id: str, seq: int, name: str, event_id: str = "1-0") -> FeedEvent:
    nothing = ("progress", "error", "job_name", "batch_id", "user_id")
    data: Any = dict.fromkeys(nothing) | {"seq": seq, "job_id": job_id, "status": name}
    data |= {"job_type": "pdf", "tags": [], "run": 1, "attempt": 1}
    return FeedEvent(event_id, name, data)


def job(job_id: str, seq: int, **fields: Any) -> Any:
    known = {"job_id": job_id, "seq": seq, "completed_at": "2026-01-01T00:00:00.000Z"}
    return {**known, "parameters": {}, "results": {"n": seq}, "results_url": None, **fields}


class FakeClient:
    """Yields *events*, and shows jobs in the state of their last event."""

    def __init__(self, *events: FeedEvent, ended: Any = ()) -> None:
        self._events = events
        self._ended = ended

    async def stream(self, **_: Any) -> AsyncIterator[FeedEvent]:
        for one in self._events:
            yield one

    async def jobs(self, **_: Any) -> AsyncIterator[Any]:
        for one in self._ended:
            yield one

    async def job(self, job_id: str) -> Any:
        return job(job_id, max(e.data["seq"] for e in self._events if e.data["job_id"] == job_id))


@pytest.fixture
def local() -> Iterator[MisbehavingApi]:
    with MisbehavingApi() as running:
        yield running


async def forwarded(client: Any, local: MisbehavingApi, **options: Any) -> list[Outcome]:
    outcomes: list[Outcome] = []
    since = options.pop("since", "2026-01-01T00:00:00.000Z")

    async def no_wait(_: float) -> None: ...

    sender = Sender(f"{local.url}/hook", SECRET, outcomes.append, sleep=no_wait)
    async with aclosing(sender):
        places = Places(lambda place, at: None)
        forwarder = Forwarder(
            client, sender, places, api_url="http://api", sleep=no_wait, **options
        )
        await forwarder.run(events_of(client, None, since, {}))
    return outcomes


async def test_the_events_of_a_job_arrive_in_order_after_the_server_was_down(
    local: MisbehavingApi,
) -> None:
    local.follow(Script(), Script(http(500, b"")), OK, OK, OK)
    client = FakeClient(
        event("a", 0, "pending"),
        event("a", 1, "progress"),
        event("a", 2, "progress"),
        event("a", 2, "progress"),
        event("a", 3, "completed"),
    )
    outcomes = await forwarded(client, local)
    assert [one.status for one in outcomes] == [None, 500, 204, 204, 204]
    sent = [Webhook(SECRET).verify(got.body, got.headers) for got in local.requests]
    assert [one["seq"] for one in sent] == [1, 1, 1, 2, 3]
    ids = [got.headers["webhook-id"] for got in local.requests]
    assert ids == ["msg_a_1"] * 3 + ["msg_a_2", "msg_a_3"]
    assert sent[-1]["data"] == {"n": 3}
    assert (sent[-1]["phase"], sent[0]["phase"]) == ("completed", "processing")


async def test_an_event_that_the_server_refuses_for_long_does_not_hold_up_its_job(
    local: MisbehavingApi,
) -> None:
    local.follow(*[Script(http(400, b""))] * MOST_ANSWERS, OK)
    outcomes = await forwarded(
        FakeClient(event("a", 1, "progress"), event("a", 2, "failed")), local
    )
    assert [one.is_over for one in outcomes] == [False] * (MOST_ANSWERS - 1) + [True, True]


@pytest.mark.parametrize(
    "answer", [http(200, b"no gzip", **{"Content-Encoding": "gzip"}), http(200, b"cut", 1000)]
)
async def test_only_the_status_of_an_answer_counts(local: MisbehavingApi, answer: bytes) -> None:
    local.follow(Script(answer))
    [only] = await forwarded(FakeClient(event("a", 1, "failed")), local)
    assert (only.status, only.is_over) == (200, True)


async def test_without_progress_only_the_ends_are_sent(local: MisbehavingApi) -> None:
    local.follow(OK)
    client = FakeClient(event("a", 1, "progress"), event("a", 2, "cancelled"))
    [only] = await forwarded(client, local, with_progress=False)
    assert only.event.name == "cancelled"


async def test_the_time_of_a_place_is_that_of_mongodb(local: MisbehavingApi) -> None:
    local.follow(OK)
    kept: list[tuple[str, str]] = []
    client: Any = FakeClient(event("a", 1, "failed", "1767225600-3"))
    async with aclosing(Sender(f"{local.url}/hook", SECRET, lambda _: None)) as sender:
        places = Places(lambda place, at: kept.append((place, at)))
        forwarder = Forwarder(client, sender, places, api_url="http://api")
        await forwarder.run(events_of(client, None, "2026-01-01T00:00:00.000Z", {}))
    assert kept == [("1767225600-3", "2026-01-01T00:00:00.000+00:00")]


async def test_after_a_reset_the_jobs_that_ended_since_are_listed(local: MisbehavingApi) -> None:
    local.follow(OK, OK)
    fields = ("job_name", "batch_id", "user_id", "progress", "error")
    rest = dict.fromkeys(fields) | {"job_type": "pdf", "tags": [], "run": 1, "attempt": 1}
    ends = {
        "new": "2026-01-03T00:00:00.000Z",
        "old": "2025-01-01T00:00:00.000Z",
        "made first, ended late": "2026-01-02T00:00:00.000Z",
    }
    ended = {
        name: job(name, 5, status="completed", completed_at=at, updated_at=at, **rest)
        for name, at in ends.items()
    }
    reset = FeedEvent("9-0", "reset", event("none", 0, "x").data)

    class Client(FakeClient):
        async def job(self, job_id: str) -> Any:
            return ended[job_id]

    client = Client(reset, ended=ended.values())
    outcomes = await forwarded(client, local, since="2026-01-01T00:00:00.000Z")
    shown = [one.event.data["job_id"] for one in outcomes]
    assert sorted(shown) == ["made first, ended late", "new"]


async def test_a_restart_amid_the_missed_ends_misses_none_of_them(local: MisbehavingApi) -> None:
    rest = dict.fromkeys(("job_name", "batch_id", "user_id", "progress", "error"))
    rest |= {"status": "completed", "job_type": "pdf", "tags": [], "run": 1, "attempt": 1}
    ended = [job(name, 5, completed_at=f"2026-01-0{name}T00:00:00.000Z", **rest) for name in "213"]
    client: Any = FakeClient(FeedEvent("9-0", "reset", event("none", 0, "x").data), ended=ended)

    async def ends(place: str, since: str) -> list[Any]:
        return [one async for one in events_of(client, place, since, {})]

    first, second, last = await ends("5-0", "2026-01-01T00:00:00.000Z")
    kept: list[tuple[str, str]] = []
    places = Places(lambda place, at: kept.append((place, at)))
    for one in (first, second, last):
        places.take(one.id, one.at)()
    assert kept[0][0] == "5-0", "a stream from the new place would not have the other ends"
    again = await ends(*kept[0])
    assert [one.data["job_id"] for one in again] == ["1", "2", "3"]
    assert kept[-1] == ("9-0", "2026-01-03T00:00:00.000Z")


class LosingClient(FakeClient):
    """Loses the API each time *losses* says so: at the stream (True) or at a listing (False)."""

    def __init__(self, losses: dict[bool, Exception], ended: Any) -> None:
        super().__init__(ended=ended)
        self._losses = losses
        self.places: list[str | None] = []

    async def stream(self, *, after: str | None = None, **_: Any) -> AsyncIterator[FeedEvent]:
        self.places.append(after)
        self._lose(at_stream=True)
        if after != "9-0":
            yield FeedEvent("9-0", "reset", event("none", 0, "x").data)

    async def jobs(self, **_: Any) -> AsyncIterator[Any]:
        self._lose(at_stream=False)
        async for one in super().jobs():
            yield one

    def _lose(self, *, at_stream: bool) -> None:
        if failure := self._losses.pop(at_stream, None):
            raise failure


AWAY = [Unreachable("away"), ApiError(503, "STORE_UNAVAILABLE", "MongoDB does not answer", None)]


@pytest.mark.parametrize("failure", AWAY)
@pytest.mark.parametrize("at_stream", [True, False])
async def test_no_end_is_lost_if_the_api_is_away_at_the_stream_or_after_a_reset(
    *, failure: Exception, at_stream: bool
) -> None:
    rest = dict.fromkeys(("job_name", "batch_id", "user_id", "progress", "error"))
    rest |= {"status": "completed", "job_type": "pdf", "tags": [], "run": 1, "attempt": 1}
    client: Any = LosingClient({at_stream: failure}, [job("a", 5, **rest)])
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    events = events_of(client, None, "2026-01-01T00:00:00.000Z", {}, sleep=sleep)
    assert [one.data["job_id"] async for one in events] == ["a"]
    assert len(waits) == 1
    assert client.places[-1] is not None, "a stream from now on would miss what has happened"


async def test_a_refused_stream_ends_the_events() -> None:
    refused = ApiError(401, "UNAUTHORIZED", "the key was deleted", None)
    client: Any = LosingClient({True: refused}, [])
    with pytest.raises(ApiError, match="UNAUTHORIZED"):
        [one async for one in events_of(client, None, "2026-01-01T00:00:00.000Z", {})]


@pytest.mark.parametrize("failure", AWAY)
async def test_the_end_of_a_job_has_its_results_also_if_the_api_was_away(
    local: MisbehavingApi, failure: Exception
) -> None:
    local.follow(OK)
    failures = [failure]

    class Client(FakeClient):
        async def job(self, job_id: str) -> Any:
            if failures:
                raise failures.pop()
            return await super().job(job_id)

    await forwarded(Client(event("a", 3, "completed")), local)
    [sent] = [Webhook(SECRET).verify(got.body, got.headers) for got in local.requests]
    assert sent["data"] == {"n": 3}


def test_the_place_moves_only_over_events_that_are_forwarded() -> None:
    kept: list[str] = []
    places = Places(lambda place, _: kept.append(place))
    first, second, third = (places.take(str(number), "t") for number in (1, 2, 3))
    second()
    assert (kept, places.waiting) == ([], 3)
    first()
    third()
    assert (kept, places.waiting) == (["2", "3"], 0)


def test_the_place_and_the_secret_are_kept_for_the_owner_only(tmp_path: Path) -> None:
    state = ListenState(tmp_path, "http://api", "http://local")
    state.keep("5-1", "2026-01-01T00:00:00.000Z")
    again = ListenState(tmp_path, "http://api", "http://local")
    assert (again.place, again.secret) == ("5-1", state.secret)
    assert ListenState(tmp_path, "http://other", "http://local").place is None
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_results_that_are_not_known_or_too_large_are_behind_a_url() -> None:
    end = event("a", 3, "completed")
    apart = job("a", 3, results=None, results_url="/api/jobs/a/results")
    for known in (None, apart, job("a", 3, results={"text": "x" * 300_000})):
        payload = json.loads(body_of(end, known, "http://api", "a"))
        assert "data" not in payload
        assert payload["data_url"] == "http://api/api/jobs/a/results"


async def test_each_webhook_has_the_id_that_the_client_gave_its_job(
    local: MisbehavingApi,
) -> None:
    local.follow(OK, OK, OK)
    reads: list[str] = []

    class Client(FakeClient):
        async def job(self, job_id: str) -> Any:
            reads.append(job_id)  # the job is in a later state than its events
            return job(job_id, 9, parameters={"webhook": {"jobId": "mine"}})

    client = Client(event("a", 1, "progress"), event("a", 2, "progress"), event("a", 3, "failed"))
    await forwarded(client, local)
    assert [json.loads(got.body)["job"] for got in local.requests] == [{"id": "mine"}] * 3
    assert len(reads) <= 3


def test_a_failure_has_its_error() -> None:
    failed = event("a", 3, "failed")
    failed.data["error"] = {"code": "PDF_INVALID", "message": "no PDF", "details": None}
    payload = json.loads(body_of(failed, job("a", 3), "u", "a"))
    assert (payload["error"]["code"], payload["message"]) == ("PDF_INVALID", "no PDF")
    assert payload["data"] is None
    headers = headers_of(failed, b"{}", SECRET, datetime.now(UTC))
    assert headers["User-Agent"].startswith("Secretary-Webhooks/")


def test_a_server_that_is_down_is_one_line_and_each_answer_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report(Session(context=None, as_json=True), "http://local")  # type: ignore[arg-type]
    end = event("a", 3, "completed")
    for status in (None, None, 500, None, 204):
        report(Outcome(end, status, None if status else "ConnectError: x", status == 204))
    shown = capsys.readouterr()
    assert shown.err.count("http://local does not answer (ConnectError: x)") == 2
    assert [json.loads(line)["status"] for line in shown.out.splitlines()] == [500, 204]
