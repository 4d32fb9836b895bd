"""What the pages about the system may have to show: job types, deliveries, receivers, keys."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel
from support.api_harness import Api, data_of
from support.dashboard_data import report_worker

from secretary_common.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Job,
    JobStatus,
    JobTypeInfo,
    Phase,
    ReceiverState,
    TemplateField,
    TemplateInfo,
)
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.handlers.session.parameters import SessionParameters
from secretary_documents.handlers.transformer.parameters import TransformerParameters

PARAMETERS: Mapping[str, type[BaseModel]] = {
    "pdf": PdfParameters,
    "session": SessionParameters,
    "transformer": TransformerParameters,
}
RECEIVERS = (
    "https://hooks.example.com:443",
    "https://erp.example.org:8443",
    "http://10.0.0.7:8080",
)
KEPT_SEC = 3
"""The API reads job types and workers again after this time."""
SPENT = "the schedule of attempts has ended"


def schema_types(api: Api) -> None:
    """Announce the built-in job types with their real parameters."""
    for name, model in PARAMETERS.items():
        api.job_types.types[name] = JobTypeInfo(name, model.model_json_schema())
    api.clock.advance(KEPT_SEC)


async def live_workers(api: Api) -> None:
    """Report a worker that runs ``pdf`` and ``custom``."""
    await report_worker(api, "5f0c4be1a2b34d5e6f708192", [])
    api.clock.advance(KEPT_SEC)


def templates(api: Api) -> None:
    """Announce a template with fields, and one without."""
    fields = [
        TemplateField(name="summary", type="text", description="What the talk says, in 5 lines."),
        TemplateField(name="decisions", type="list", description="What the board has decided."),
    ]
    api.templates.templates["MeetingMinutes"] = TemplateInfo(
        name="MeetingMinutes", languages=["de", "en"], fields=fields
    )
    api.templates.templates["Letter"] = TemplateInfo(name="Letter", languages=[], fields=[])


async def notifier_with_receivers(api: Api) -> None:
    """Report a notifier: a receiver is paused, one works, one fails."""
    now = api.clock.now()
    paused = ReceiverState(
        origin=RECEIVERS[0],
        open_until=now + timedelta(minutes=8),
        waiting=212,
        failures=31,
        last_at=now - timedelta(seconds=20),
        last_status=503,
    )
    works = ReceiverState(origin=RECEIVERS[1], in_flight=2, waiting=3, last_at=now, last_status=204)
    fails = ReceiverState(
        origin=RECEIVERS[2],
        waiting=40,
        failures=4,
        last_at=now - timedelta(seconds=5),
        last_error="ConnectError",
    )
    states = [state.model_dump() for state in (paused, works, fails)]
    await api.notifiers.report("notifier-1", now + timedelta(hours=1), {"receivers": states})


def delivery_of(api: Api, job: Job, state: str, origin: str, age_sec: float) -> Delivery:
    """Return a delivery in *state* that was created *age_sec* seconds ago."""
    created_at = api.clock.now() - timedelta(seconds=age_sec)
    is_waiting = state == "pending"
    return Delivery(
        delivery_id=f"msg_{job.job_id}_{job.seq}",
        job_id=job.job_id,
        owner=job.owner,
        seq=job.seq,
        run=1,
        phase=Phase.COMPLETED,
        url=f"{origin.replace(':443', '')}/secretary?token=x",
        origin=origin,
        body=b"{}",
        state=DeliveryState(state),
        created_at=created_at,
        attempts=_attempts(state, api),
        next_attempt_at=api.clock.now() + timedelta(minutes=4) if is_waiting else None,
        reason=SPENT if state == "dead" else None,
    )


def _attempts(state: str, api: Api) -> list[DeliveryAttempt]:
    now = api.clock.now()
    if state == "delivered":
        at = now - timedelta(seconds=2)
        return [DeliveryAttempt(at=at, status_code=204, duration_ms=31, address="203.0.113.9")]
    refused = DeliveryAttempt(
        at=now - timedelta(seconds=70), duration_ms=3, error="ConnectError: connection refused"
    )
    answered = DeliveryAttempt(
        at=now - timedelta(seconds=60),
        status_code=503,
        duration_ms=212,
        address="203.0.113.9",
        response="<h1>Service Unavailable</h1>",
    )
    return [refused, answered] if state in {"dead", "pending"} else []


async def many_deliveries(api: Api, jobs: list[Job], *, failing: bool = False) -> list[Delivery]:
    """Store a delivery for each of *jobs*, the newest first; *failing*: most are dead."""
    chance = random.Random(3)
    weights = [5, 20, 90] if failing else [80, 12, 8]
    states = chance.choices(["delivered", "pending", "dead"], weights, k=len(jobs))
    made = [
        delivery_of(api, job, state, chance.choice(RECEIVERS), 5 + 37 * index)
        for index, (job, state) in enumerate(zip(jobs, states, strict=True))
    ]
    await api.deliveries.insert_absent(made)
    return made


async def some_keys(api: Api) -> None:
    """Create keys with scopes and limits; the queue of ``invoices`` is full."""
    await api.new_key("the wiki", limits={"max_running": 4, "max_pending": 1000})
    invoices = await api.new_key(
        "invoices",
        scopes=["submit", "read"],
        limits={"max_pending": 3, "max_bytes": 2_000_000_000, "max_priority": 5},
    )
    await api.new_key("prometheus", scopes=["metrics"])
    await api.new_key("operations", scopes=["admin"], expires_at="2099-01-01T00:00:00Z")
    for _ in range(3):
        await api.submit({}, key=invoices)


async def some_endpoints(api: Api) -> None:
    """Register an endpoint for all jobs, one for few, and a disabled one."""
    few = {"job_types": ["pdf"], "tags": ["archive"], "headers": {"X-Api-Key": "secret"}}
    for url, fields in (
        ("https://hooks.example.com/all?token=abc", {}),
        ("https://erp.example.org:8443/jobs", few),
        ("https://old.example.com/", {"enabled": False}),
    ):
        await api.request("POST", "/api/endpoints", json={"url": url, **fields})


async def stored_batch(api: Api, number: int, *, ended: int) -> str:
    """Submit a batch of *number* jobs, of which *ended* have completed; return its id."""
    body = {"batch_name": "the archive", "jobs": [{"job_type": "custom"}] * number}
    answer = await api.request("POST", "/api/jobs/batch", json=body)
    made = data_of(answer)
    now = api.clock.now()
    for job_id in made["job_ids"][:ended]:
        fields = {
            "status": JobStatus.COMPLETED,
            "attempt": 1,
            "processing_started_at": now,
            "completed_at": now,
        }
        api.jobs.jobs[job_id] = api.jobs.jobs[job_id].model_copy(update=fields)
    return str(made["batch_id"])
