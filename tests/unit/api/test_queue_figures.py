"""The metrics of the API show the queue of the whole database."""

import logging
import math
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from support.api_harness import METRICS_TOKEN, Api
from support.job_samples import make_job

from secretary_common.errors import StoreUnavailable
from secretary_common.models import WorkerReport


def figure(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"secretary_{name}", labels)


async def scrape(api: Api) -> None:
    assert (await api.get("/metrics", key=METRICS_TOKEN)).status_code == 200


def report(now: datetime) -> WorkerReport:
    return WorkerReport(
        worker_id="worker-1",
        host="host",
        pid=1,
        started_at=now,
        seen_at=now,
        alive_until=now + timedelta(seconds=30),
        job_types=["custom"],
        slots=3,
        running=[],
        active=True,
        listening=True,
    )


async def test_the_metrics_count_jobs_and_workers_of_each_announced_type(api: Api) -> None:
    now = api.clock.now()
    for n, minutes in enumerate((-5, -1, 5)):
        await api.jobs.insert(make_job(f"job-{n}", run_at=now + timedelta(minutes=minutes)))
    await api.workers.report(report(now))
    await scrape(api)
    assert figure("jobs_waiting", job_type="pdf") == 2
    assert figure("jobs_scheduled", job_type="pdf") == 1
    assert figure("jobs_running", job_type="pdf") == 0
    assert figure("jobs_oldest_wait_seconds", job_type="pdf") == 300
    assert figure("job_type_workers", job_type="pdf") == 0
    assert figure("job_type_workers", job_type="custom") == 1
    assert figure("deliveries_pending") == 0
    assert figure("notifiers_alive") == 0


async def test_a_second_reader_within_seconds_costs_no_query(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scrape(api)

    async def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("a query")

    monkeypatch.setattr(api.jobs, "statistics", fail)
    await scrape(api)


async def test_without_mongodb_there_are_no_figures_rather_than_old_ones(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("MongoDB did not answer")

    monkeypatch.setattr(api.jobs, "statistics", fail)
    await scrape(api)
    assert figure("jobs_waiting", job_type="pdf") is None
    pending = figure("deliveries_pending")
    assert pending is not None
    assert math.isnan(pending)


async def test_a_type_without_worker_is_logged_until_a_worker_takes_it(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    figures, times = api.app.state.services.queue_figures, [0.0]
    figures.monotonic = lambda: times[0]
    await api.jobs.insert(make_job("job-1", job_type="custom", run_at=api.clock.now()))
    for _ in range(4):
        await figures.refresh()
        times[0] += 30
    await api.workers.report(report(api.clock.now()))
    await figures.refresh()
    lines = [
        (line.getMessage(), line.__dict__["fields"])
        for line in caplog.records
        if line.getMessage().startswith("job_type.")
    ]
    assert lines == [
        ("job_type.without_worker", {"job_type": "custom", "waiting": 1}),
        ("job_type.without_worker", {"for_sec": 60, "job_type": "custom", "waiting": 1}),
        ("job_type.has_worker", {"job_type": "custom", "lasted_sec": 120.0}),
    ]


async def test_a_paused_type_without_worker_is_no_fault(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await api.job_types.set_paused("custom", paused=True)
    await api.jobs.insert(make_job("job-1", job_type="custom", run_at=api.clock.now()))
    await scrape(api)
    assert figure("job_type_paused", job_type="custom") == 1
    assert not [line for line in caplog.records if line.getMessage().startswith("job_type.")]
