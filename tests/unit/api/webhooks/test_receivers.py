"""Deliveries say what they wait for, and receivers how they do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.api_harness import Api, data_of, refused_field

from secretary_api.webhooks.delivery_view import redacted_url
from secretary_common.models import Delivery, DeliveryState, Phase

ORIGIN = "https://x.org:443"


async def stored(api: Api, job_id: str = "job-1", **fields: Any) -> None:
    now = api.clock.now()
    given = {
        "delivery_id": f"msg_{job_id}_1",
        "job_id": job_id,
        "owner": "bootstrap",
        "seq": 1,
        "run": 1,
        "phase": Phase.COMPLETED,
        "url": "https://user:pass@x.org/hook?sig=abc&v",
        "origin": ORIGIN,
        "body": b"{}",
        "created_at": now,
        "next_attempt_at": now,
    }
    await api.deliveries.insert_absent([Delivery.model_validate({**given, **fields})])


async def report(api: Api, owner: str = "n1", **state: Any) -> None:
    now = api.clock.now()
    await api.notifiers.report(owner, now, {"receivers": [{"origin": ORIGIN, **state}]})


async def waits(api: Api) -> Any:
    [found] = data_of(await api.get("/api/deliveries"))["deliveries"]
    return found["wait"]


async def test_a_delivery_of_a_paused_receiver_names_the_breaker_and_its_end(api: Api) -> None:
    await stored(api)
    await report(api, open_until=api.clock.now() + timedelta(seconds=30))
    assert await waits(api) == {"why": "breaker", "until": "2026-01-01T00:00:30.000Z"}


async def test_a_delivery_waits_for_its_time_its_turn_or_a_notifier(api: Api) -> None:
    await stored(api, next_attempt_at=api.clock.now() + timedelta(seconds=5))
    assert await waits(api) == {"why": "notifier", "until": None}
    await report(api)
    assert await waits(api) == {"why": "schedule", "until": "2026-01-01T00:00:05.000Z"}
    api.clock.advance(6)
    assert await waits(api) == {"why": "turn", "until": None}


async def test_a_delivery_to_a_url_that_answered_410_says_until_when(api: Api) -> None:
    await stored(api, state=DeliveryState.DEAD, next_attempt_at=None)
    [delivery] = api.deliveries.deliveries.values()
    await api.deliveries.mute("bootstrap", delivery.url, api.clock.now() + timedelta(hours=1))
    [found] = data_of(await api.get("/api/deliveries"))["deliveries"]
    assert found["muted_until"] == "2026-01-01T01:00:00.000Z"


async def test_the_url_of_a_delivery_is_shown_without_its_secrets(api: Api) -> None:
    await stored(api)
    answer = await api.get("/api/deliveries")
    [found] = data_of(answer)["deliveries"]
    assert (found["url"], found["receiver"]) == ("https://x.org/hook?sig=[redacted]&v", ORIGIN)
    assert "abc" not in answer.text
    assert "pass" not in answer.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x.org", "https://x.org"),
        ("https://x.org/a?b#c", "https://x.org/a?b"),
        ("https://x.org/?a=1&a=2", "https://x.org/?a=[redacted]&a=[redacted]"),
        ("http://[::1", "[redacted]"),
    ],
)
def test_only_names_of_a_query_are_shown(url: str, shown: str) -> None:
    assert redacted_url(url) == shown


async def test_deliveries_are_listed_by_receiver_and_state(api: Api) -> None:
    await stored(api, "job-1")
    await stored(api, "job-2", origin="https://y.org:443")
    for receiver in (ORIGIN, "https://x.org/any/path"):
        path = f"/api/deliveries?receiver={receiver}&status=pending"
        found = data_of(await api.get(path))["deliveries"]
        assert [one["job_id"] for one in found] == ["job-1"]
    assert data_of(await api.get(f"/api/deliveries?receiver={ORIGIN}&status=dead"))["next"] is None
    refused_field(await api.get("/api/deliveries?receiver=nothing"), "receiver")


async def test_a_receiver_shows_its_breaker_and_its_last_answer(api: Api) -> None:
    now = api.clock.now()
    await report(api, "n1", in_flight=1, failures=2, last_status=500, last_at=now)
    later = now + timedelta(seconds=1)
    opened = now + timedelta(seconds=30)
    await report(api, "n2", failures=10, last_status=503, last_at=later, open_until=opened)
    assert data_of(await api.get("/api/receivers"))["receivers"] == [
        {
            "receiver": ORIGIN,
            "endpoint_id": None,
            "breaker": "open",
            "open_until": "2026-01-01T00:00:30.000Z",
            "in_flight": 1,
            "waiting": 0,
            "failures": 10,
            "last_at": "2026-01-01T00:00:01.000Z",
            "last_status": 503,
            "last_error": None,
        }
    ]


async def test_a_key_sees_only_receivers_of_its_own_webhooks(api: Api) -> None:
    key = await api.new_key()
    await stored(api)
    await report(api, failures=1)
    assert data_of(await api.get("/api/receivers", key=key))["receivers"] == []
    await stored(api, "job-2", owner=key.split("_")[1])
    assert len(data_of(await api.get("/api/receivers", key=key))["receivers"]) == 1


async def test_a_notifier_that_is_gone_says_nothing_of_receivers(api: Api) -> None:
    await report(api, failures=1)
    api.clock.advance(60)
    assert data_of(await api.get("/api/receivers"))["receivers"] == []


async def test_a_test_is_no_receiver(api: Api) -> None:
    now = api.clock.now()
    states = [{"origin": ORIGIN, "waiting": 1}, {"origin": f"test {ORIGIN}", "in_flight": 1}]
    await api.notifiers.report("n1", now, {"receivers": states})
    [shown] = data_of(await api.get("/api/receivers"))["receivers"]
    assert (shown["receiver"], shown["in_flight"]) == (ORIGIN, 0)
