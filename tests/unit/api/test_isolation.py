"""Over every route: a key sees and changes nothing that belongs to another key.

Each route has an entry in ``CASES``; a new route without one fails the first test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.api_harness import Api, data_of

from secretary_api.app import ROUTERS
from secretary_common.models import BOOTSTRAP_ID, Delivery, Endpoint, Job, LogEntry, Phase

MARK = "belongs-to-another-key"
ENDPOINT = "ep-of-the-other"
JOB, DELIVERY = "job-of-the-other", "msg_job-of-the-other_1"
SPAN = {"since": "2020-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}
FILTER = {"filter": {"tag": MARK}, "limit": 1000}
HIDDEN, ADMINS, OWN = "hidden", "admins only", "its own only"


@dataclass(frozen=True)
class Case:
    """What another key may see or do at a route."""

    expected: str
    """``HIDDEN``: 404. ``ADMINS``: 403. ``OWN``: the answer has nothing of the other key."""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    """The code with which the API refuses every key here, as these tests configure it."""


CASES: Mapping[tuple[str, str], Case] = {
    ("POST", "/api/jobs/"): Case(OWN, {"job_type": "custom"}),
    ("GET", "/api/jobs/"): Case(OWN),
    ("GET", "/api/jobs/{job_id}"): Case(HIDDEN),
    ("DELETE", "/api/jobs/{job_id}"): Case(HIDDEN),
    ("GET", "/api/jobs/{job_id}/attempts"): Case(HIDDEN),
    ("GET", "/api/jobs/{job_id}/logs"): Case(HIDDEN),
    ("GET", "/api/jobs/{job_id}/results"): Case(HIDDEN),
    ("GET", "/api/jobs/{job_id}/files/{name}"): Case(HIDDEN),
    ("GET", "/api/jobs/{job_id}/download-archive"): Case(HIDDEN),
    ("GET", "/api/jobs/{job_id}/deliveries"): Case(HIDDEN),
    ("GET", "/api/jobs/{job_id}/stream"): Case(HIDDEN),
    ("POST", "/api/jobs/{job_id}/cancel"): Case(HIDDEN),
    ("POST", "/api/jobs/{job_id}/retry"): Case(HIDDEN),
    ("POST", "/api/jobs/cancel"): Case(OWN, FILTER),
    ("POST", "/api/jobs/retry"): Case(OWN, FILTER),
    ("POST", "/api/jobs/delete"): Case(OWN, FILTER),
    ("GET", "/api/jobs/batch"): Case(OWN),
    ("POST", "/api/jobs/batch"): Case(OWN, {"jobs": [{"job_type": "custom"}]}),
    ("GET", "/api/jobs/batch/{batch_id}"): Case(HIDDEN),
    ("POST", "/api/jobs/batch/{batch_id}/cancel"): Case(HIDDEN),
    ("POST", "/api/jobs/batch/{batch_id}/retry-failed"): Case(HIDDEN),
    # An unknown place ends the stream after its first event.
    ("GET", "/api/stream"): Case(OWN, headers={"Last-Event-ID": "x"}),
    ("POST", "/api/files"): Case(OWN),
    ("POST", "/api/files/presign"): Case(
        OWN,
        {"filename": "a.pdf", "size": 1, "content_type": "application/pdf"},
        refused="S3_BUCKET_REFUSED",
    ),
    ("GET", "/api/deliveries"): Case(OWN),
    ("POST", "/api/deliveries/recover"): Case(OWN, SPAN),
    ("POST", "/api/deliveries/{delivery_id}/resend"): Case(HIDDEN),
    ("GET", "/api/endpoints"): Case(OWN),
    ("POST", "/api/endpoints"): Case(OWN, {"url": "https://example.com/events"}),
    ("GET", "/api/endpoints/{endpoint_id}"): Case(HIDDEN),
    ("PATCH", "/api/endpoints/{endpoint_id}"): Case(HIDDEN, {"enabled": False}),
    ("DELETE", "/api/endpoints/{endpoint_id}"): Case(HIDDEN),
    ("POST", "/api/endpoints/{endpoint_id}/rotate-secret"): Case(HIDDEN, {}),
    ("POST", "/api/endpoints/{endpoint_id}/replay"): Case(HIDDEN, {"since": SPAN["since"]}),
    ("POST", "/api/endpoints/{endpoint_id}/test"): Case(HIDDEN),
    ("GET", "/api/receivers"): Case(OWN),
    ("POST", "/api/webhooks/test"): Case(OWN, {"url": "https://example.com/hook"}),
    ("GET", "/api/stats"): Case(OWN),
    ("GET", "/api/workers"): Case(OWN),
    ("GET", "/api/overview"): Case(OWN),
    ("GET", "/api/job-types"): Case(OWN),
    ("POST", "/api/job-types/{job_type}/pause"): Case(ADMINS),
    ("POST", "/api/job-types/{job_type}/resume"): Case(ADMINS),
    ("GET", "/api/templates"): Case(OWN),
    ("GET", "/api/keys"): Case(ADMINS),
    ("POST", "/api/keys"): Case(ADMINS, {"name": "n"}),
    ("PATCH", "/api/keys/{key_id}"): Case(ADMINS, {"limits": {}}),
    ("DELETE", "/api/keys/{key_id}"): Case(ADMINS),
    ("GET", "/api/audit"): Case(OWN),
    ("GET", "/api/doctor"): Case(ADMINS),
    ("GET", "/metrics"): Case(ADMINS),
    ("GET", "/api/session"): Case(OWN),
    ("POST", "/api/session"): Case(OWN),
    ("DELETE", "/api/session"): Case(OWN),
}
FREE = {
    *("/health/live", "/health/ready", "/docs", "/docs/rapidoc-min.js"),
    *("/", "/dashboard/{version}/{name:path}"),
}
"""Routes without a key, which show nothing of any key."""


def routes() -> set[tuple[str, str]]:
    found = [route for router in ROUTERS for route in router.routes]
    return {
        (method, route.path)  # type: ignore[attr-defined]
        for route in found
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
        if route.path not in FREE  # type: ignore[attr-defined]
    }


def test_every_route_has_a_case() -> None:
    assert set(CASES) == routes()


@dataclass(frozen=True)
class Theirs:
    """What belongs to the other key."""

    key: str
    batch_id: str

    def path(self, template: str) -> str:
        """Return *template* with the ids of what belongs to the other key."""
        ids = {
            "job_id": JOB,
            "batch_id": self.batch_id,
            "delivery_id": DELIVERY,
            "endpoint_id": ENDPOINT,
            "name": "a.txt",
            "job_type": "custom",
            "key_id": self.key.split("_")[1],
        }
        return template.format_map(ids)


async def stored(api: Api) -> Theirs:
    """Store one thing of each kind for a key; each bears ``MARK``."""
    key = await api.new_key("theirs")
    owner, now = key.split("_")[1], api.clock.now()
    job = Job(
        job_id=JOB,
        job_type="custom",
        job_name=MARK,
        owner=owner,
        tags=[MARK],
        parameters={"text": MARK},
        results={"text": MARK},
        run_at=now,
        created_at=now,
        updated_at=now,
    )
    await api.jobs.insert(job)
    line = LogEntry(timestamp=now, level="info", message=MARK, attempt=1, seq=0)
    await api.logs.append(JOB, [line])
    delivery = Delivery(
        delivery_id=DELIVERY,
        job_id=JOB,
        owner=owner,
        seq=1,
        run=1,
        phase=Phase.COMPLETED,
        url=f"https://example.com/{MARK}",
        origin=f"https://{MARK}.com:443",
        body=b"{}",
        state="dead",
        created_at=now,
    )
    await api.deliveries.insert_absent([delivery])
    endpoint = Endpoint(
        endpoint_id=ENDPOINT,
        owner=owner,
        url=f"https://{MARK}.com/",
        created_at=now,
        updated_at=now,
    )
    await api.endpoints.insert(endpoint)
    facts = {"receivers": [{"origin": delivery.origin, "failures": 1}]}
    await api.notifiers.report("n1", now, facts)
    body = {"batch_name": MARK, "jobs": [{"job_type": "custom", "tags": [MARK]}]}
    answer = await api.request("POST", "/api/jobs/batch", key=key, json=body)
    await api.request("POST", "/api/jobs/cancel", key=key, json={"filter": {"user_id": MARK}})
    return Theirs(key, data_of(answer)["batch_id"])


def options_of(template: str, case: Case) -> dict[str, Any]:
    """Return the options of the request to a route."""
    options: dict[str, Any] = {"headers": dict(case.headers)}
    if template == "/api/files":
        options["files"] = {"file": ("a.txt", b"mine")}
    elif case.body is not None:
        options["json"] = case.body
    return options


def state_of(api: Api, owner: str) -> Any:
    """Return all that belongs to *owner*, to compare it."""
    return (
        [job for job in api.jobs.jobs.values() if job.owner == owner],
        [one for one in api.deliveries.deliveries.values() if one.owner == owner],
        [one for one in api.endpoints.endpoints.values() if one.owner == owner],
        [batch for batch in api.batches.batches.values() if batch.owner == owner],
    )


@pytest.mark.parametrize(("method", "template"), sorted(CASES))
async def test_a_key_sees_and_changes_nothing_of_another_key(
    api: Api, method: str, template: str
) -> None:
    theirs, case = await stored(api), CASES[method, template]
    owner = theirs.key.split("_")[1]
    before = state_of(api, owner)
    options = options_of(template, case)
    mine = await api.new_key("mine")
    answer = await api.request(method, theirs.path(template), key=mine, **options)
    if case.expected == HIDDEN:
        assert answer.status_code == 404, answer.text
    elif case.expected == ADMINS:
        assert answer.status_code == 403, answer.text
    elif case.refused:
        assert answer.json()["error"]["code"] == case.refused, answer.text
    else:
        assert answer.status_code < 400 or answer.status_code == 503, answer.text
    assert MARK not in answer.text
    assert owner not in answer.text
    assert case.expected == HIDDEN or JOB not in answer.text
    assert state_of(api, owner) == before


LISTS = [
    "/api/jobs/",
    "/api/deliveries",
    "/api/audit",
    "/api/receivers",
    "/api/endpoints",
    "/api/jobs/batch",
]


@pytest.mark.parametrize("path", [*LISTS, f"/api/jobs/{JOB}"])
async def test_what_is_hidden_from_one_key_is_there_for_its_owner_and_for_admins(
    api: Api, path: str
) -> None:
    theirs = await stored(api)
    for key in (theirs.key, "the-bootstrap-key-of-all-tests"):
        assert MARK in (await api.get(path, key=key)).text
    assert BOOTSTRAP_ID not in (await api.get(path, key=theirs.key)).text
