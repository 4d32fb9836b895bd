"""Endpoints over the API: registered once, they follow the jobs of their key."""

import asyncio
from typing import Any, get_args

import pytest
from support.api_harness import ADMIN_KEY, SIGNING_SECRET, Api, data_of, error_of, refused_field

from secretary_api.key_endpoints import CACHE_SEC
from secretary_api.schemas.endpoint import Event
from secretary_api.webhooks.endpoints import MOST_ENDPOINTS
from secretary_common.errors import StoreUnavailable
from secretary_common.jobs.new_deliveries import trial_delivery
from secretary_common.models import DeliveryState, Endpoint, Phase
from secretary_common.operator_events.fault import FaultKind

URL = "https://example.com/events"


async def register(api: Api, key: str, **fields: Any) -> dict[str, Any]:
    body = {"url": URL, **fields}
    answer = await api.request("POST", "/api/endpoints", key=key, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = data_of(answer)["endpoint"]
    return made


async def followers(api: Api, key: str, **fields: Any) -> list[str]:
    answer = await api.submit(key=key, **fields)
    job = api.jobs.jobs[data_of(answer)["job_id"]]
    return job.endpoints.ids if job.endpoints else []


def stored(api: Api, endpoint_id: str) -> Endpoint:
    return api.endpoints.endpoints[endpoint_id]


async def test_a_job_names_the_endpoints_that_follow_it(api: Api) -> None:
    key = await api.new_key()
    every = (await register(api, key))["id"]
    tagged = (await register(api, key, tags=["a", "b"]))["id"]
    await register(api, key, job_types=["pdf"])
    assert await followers(api, key) == [every]
    assert await followers(api, key, tags=["b"]) == sorted([every, tagged])


async def test_an_endpoint_follows_no_job_of_another_key(api: Api) -> None:
    await register(api, await api.new_key("theirs"))
    assert await followers(api, await api.new_key("mine")) == []


async def test_the_jobs_of_a_batch_name_their_endpoints(api: Api) -> None:
    key = await api.new_key()
    made = await register(api, key, events=["processing"])
    body = {"jobs": [{"job_type": "custom"}]}
    answer = await api.request("POST", "/api/jobs/batch", key=key, json=body)
    job = api.jobs.jobs[data_of(answer)["job_ids"][0]]
    assert job.endpoints
    assert (job.endpoints.ids, job.endpoints.progress) == ([made["id"]], True)


async def test_a_submission_reads_the_endpoints_of_its_key_once_in_five_seconds(api: Api) -> None:
    key = await api.new_key()
    assert await followers(api, key) == []
    owner = key.split("_")[1]
    now = api.clock.now()
    elsewhere = Endpoint(endpoint_id="ep-1", owner=owner, url=URL, created_at=now, updated_at=now)
    await api.endpoints.insert(elsewhere)
    assert await followers(api, key) == []
    api.clock.advance(CACHE_SEC + 1)
    assert await followers(api, key) == ["ep-1"]


async def test_no_answer_shows_a_secret_and_the_store_has_them_sealed(api: Api) -> None:
    key = await api.new_key()
    headers = {"X-Api-Key": "of the client"}
    made = await register(api, key, secret=SIGNING_SECRET, headers=headers)
    assert (made["has_secret"], made["headers"]) == (True, ["X-Api-Key"])
    kept = stored(api, made["id"])
    assert kept.secret is not None
    assert kept.headers is not None
    assert api.cipher.open(kept.secret) == SIGNING_SECRET
    assert api.cipher.open(kept.headers["X-Api-Key"]) == "of the client"
    shown = (await api.get("/api/endpoints", key=key)).text
    assert SIGNING_SECRET not in shown
    assert "of the client" not in shown


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "https://example.com/{jobId}"}, "url"),
        ({"url": "https://example.com/?token=[redacted]"}, "url"),
        ({"url": "https://example.com/?token=%5Bredacted%5D"}, "url"),
        ({"events": ["started"]}, "events.0"),
        ({"events": []}, "events"),
        ({"headers": {"webhook-id": "x"}}, "headers"),
        ({"headers": {"Connection": "close"}}, "headers"),
        ({"headers": {"Traceparent": "00-0-0-00"}}, "headers"),
        ({"headers": {"tracestate": "a=b"}}, "headers"),
        ({"secret": "short"}, "secret"),
    ],
)
async def test_an_endpoint_that_cannot_work_is_refused(
    api: Api, body: dict[str, Any], field: str
) -> None:
    answer = await api.request("POST", "/api/endpoints", json={"url": URL, **body})
    code = "URL_REFUSED" if "127" in str(body) else "VALIDATION_ERROR"
    refused_field(answer, field, code)


async def test_a_key_has_a_bounded_number_of_endpoints(api: Api) -> None:
    key = await api.new_key()
    for _ in range(MOST_ENDPOINTS):
        await register(api, key)
    answer = await api.request("POST", "/api/endpoints", key=key, json={"url": URL})
    error_of(answer, 409, "INVALID_STATE")


async def test_requests_at_the_same_time_make_no_more_endpoints_than_the_bound(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await api.new_key()
    owner = key.split("_")[1]
    for _ in range(MOST_ENDPOINTS - 1):
        await register(api, key)
    find = api.endpoints.find

    async def find_slowly(owner: str | None, **page: Any) -> list[Endpoint]:
        found = await find(owner, **page)
        await asyncio.sleep(0.05)
        return found

    monkeypatch.setattr(api.endpoints, "find", find_slowly)
    requests = [api.request("POST", "/api/endpoints", key=key, json={"url": URL}) for _ in range(5)]
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(await api.endpoints.find(owner)) <= MOST_ENDPOINTS


async def test_a_change_leaves_the_other_fields_and_null_removes_a_filter(api: Api) -> None:
    key = await api.new_key()
    made = await register(api, key, job_types=["pdf"], tags=["a"])
    path = f"/api/endpoints/{made['id']}"
    body = {"enabled": False, "tags": None}
    changed = data_of(await api.request("PATCH", path, key=key, json=body))["endpoint"]
    assert (changed["enabled"], changed["tags"], changed["job_types"]) == (False, None, ["pdf"])
    answer = await api.request("PATCH", path, key=key, json={"url": None})
    error_of(answer, 422, "VALIDATION_ERROR")


async def test_the_shown_url_does_not_replace_the_values_that_it_hides(api: Api) -> None:
    key = await api.new_key()
    made = await register(api, key, url="https://example.com/?token=abc")
    path, body = f"/api/endpoints/{made['id']}", {"url": made["url"]}
    refused_field(await api.request("PATCH", path, key=key, json=body), "url", "VALIDATION_ERROR")
    assert stored(api, made["id"]).url == "https://example.com/?token=abc"


async def test_a_rotation_shows_the_new_secret_and_keeps_the_old_one_for_the_overlap(
    api: Api,
) -> None:
    key = await api.new_key()
    made = await register(api, key, secret=SIGNING_SECRET)
    path = f"/api/endpoints/{made['id']}/rotate-secret"
    shown = data_of(await api.request("POST", path, key=key, json={"overlap_sec": 60}))
    kept = stored(api, made["id"])
    assert kept.secret is not None
    assert api.cipher.open(kept.secret) == shown["secret"]
    older = kept.older_secret_at(api.clock.now())
    assert older is not None
    assert api.cipher.open(older) == SIGNING_SECRET
    api.clock.advance(61)
    assert kept.older_secret_at(api.clock.now()) is None


@pytest.mark.parametrize("first", [SIGNING_SECRET, None])
async def test_a_rotation_that_a_client_repeats_keeps_the_secret_of_before(
    api: Api, first: str | None
) -> None:
    key = await api.new_key()
    made = await register(api, key, secret=first)
    path, given = f"/api/endpoints/{made['id']}/rotate-secret", "whsec_" + "B" * 32
    for _ in range(2):
        await api.request("POST", path, key=key, json={"secret": given})
    kept, now = stored(api, made["id"]), api.clock.now()
    older = kept.older_secret_at(now)
    assert (older and api.cipher.open(older)) == first
    assert kept.service_signs_at(now) is (first is None)
    assert kept.secret is not None
    assert api.cipher.open(kept.secret) == given


async def test_a_change_of_the_url_that_is_repeated_redirects_what_waits(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await api.new_key()
    made = await register(api, key)
    now, new = api.clock.now(), "https://example.org/events"
    waiting = trial_delivery(URL, owner=key.split("_")[1], now=now, endpoint_id=made["id"])
    await api.deliveries.insert_absent([waiting])
    redirect, failures = api.deliveries.redirect, [StoreUnavailable()]

    async def redirect_later(*given: str) -> None:
        if failures:
            raise failures.pop()
        await redirect(*given)

    monkeypatch.setattr(api.deliveries, "redirect", redirect_later)
    path = f"/api/endpoints/{made['id']}"
    error_of(await api.request("PATCH", path, key=key, json={"url": new}), 503, "STORE_UNAVAILABLE")
    await api.request("PATCH", path, key=key, json={"url": new})
    [redirected] = api.deliveries.deliveries.values()
    assert (redirected.url, redirected.origin) == (new, f"https://example.org:443 {made['id']}")


async def test_a_disabled_endpoint_replays_nothing(api: Api) -> None:
    key = await api.new_key()
    made = await register(api, key, enabled=False)
    path, body = f"/api/endpoints/{made['id']}/replay", {"since": "2020-01-01T00:00:00Z"}
    error_of(await api.request("POST", path, key=key, json=body), 409, "INVALID_STATE")
    await api.request("PATCH", f"/api/endpoints/{made['id']}", key=key, json={"enabled": True})
    assert data_of(await api.request("POST", path, key=key, json=body)) == {"count": 0}


async def test_a_replay_of_a_time_that_ends_before_it_begins_is_refused(api: Api) -> None:
    key = await api.new_key()
    path = f"/api/endpoints/{(await register(api, key))['id']}/replay"
    span = {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}
    answer = await api.request("POST", path, key=key, json=span)
    assert "since must be before until" in refused_field(answer, "body")


async def test_what_an_endpoint_repeats_counts_once(api: Api) -> None:
    key = await api.new_key()
    given = {"events": ["failed", "completed", "failed"], "job_types": ["pdf", "pdf"]}
    made = await register(api, key, **given, tags=["b", "a", "b"])
    assert made["events"] == ["failed", "completed"]
    assert (made["job_types"], made["tags"]) == (["pdf"], ["b", "a"])
    body = {"events": ["failed", "failed"]}
    answer = await api.request("PATCH", f"/api/endpoints/{made['id']}", key=key, json=body)
    assert data_of(answer)["endpoint"]["events"] == ["failed"]


async def test_a_deleted_endpoint_follows_no_new_job(api: Api) -> None:
    key = await api.new_key()
    made = await register(api, key)
    await api.request("DELETE", f"/api/endpoints/{made['id']}", key=key)
    assert await followers(api, key) == []
    error_of(await api.get(f"/api/endpoints/{made['id']}", key=key), 404, "NOT_FOUND")


async def test_the_end_of_a_cancelled_job_goes_to_its_endpoints(api: Api) -> None:
    key = await api.new_key()
    await register(api, key)
    job_id = data_of(await api.submit(key=key))["job_id"]
    await api.request("POST", f"/api/jobs/{job_id}/cancel", key=key)
    assert api.jobs.jobs[job_id].notify is not None
    await api.request("POST", f"/api/jobs/{job_id}/retry", key=key)
    [made] = api.deliveries.deliveries.values()
    assert (made.job_id, made.state, made.token) == (job_id, DeliveryState.PENDING, None)


def test_every_kind_of_fault_is_an_event_of_endpoints() -> None:
    assert set(get_args(Event)) == {phase.value for phase in Phase if phase.has_job} | {
        kind.value for kind in FaultKind
    }


async def test_an_endpoint_for_operators_gets_every_fault_and_follows_no_job(api: Api) -> None:
    made = await register(api, ADMIN_KEY, kind="operator")
    assert made["kind"] == "operator"
    assert made["events"] == [kind.value for kind in FaultKind]
    assert await followers(api, ADMIN_KEY) == []


async def test_only_an_admin_may_have_an_endpoint_for_operators(api: Api) -> None:
    body = {"url": URL, "kind": "operator"}
    answer = await api.request("POST", "/api/endpoints", key=await api.new_key(), json=body)
    error_of(answer, 403, "FORBIDDEN")


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "operator", "events": ["completed"]},
        {"kind": "operator", "job_types": ["pdf"]},
        {"events": ["broker.away"]},
    ],
)
async def test_an_endpoint_has_events_of_its_kind_alone(api: Api, body: dict[str, Any]) -> None:
    answer = await api.request("POST", "/api/endpoints", json={"url": URL, **body})
    error_of(answer, 422, "VALIDATION_ERROR")


async def test_a_change_cannot_mix_the_kinds_either(api: Api) -> None:
    made = await register(api, ADMIN_KEY)
    path = f"/api/endpoints/{made['id']}"
    answer = await api.request("PATCH", path, json={"events": ["disk.low"]})
    refused_field(answer, "events")
