"""A worker that must end although a job runs keeps the job's lease until the job has ended."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from cryptography.fernet import Fernet
from support.job_samples import make_job

from secretary_common.errors import ConfigurationError
from secretary_common.models import Job, JobStatus
from secretary_common.mongo import store as store_module
from secretary_common.mongo.schema.version import DOCUMENT, collection_of
from secretary_common.mongo.store import Store, store_of
from secretary_common.settings.settings import Settings
from secretary_worker import handler_packages
from secretary_worker.main import serve
from secretary_worker.registry import Registration, Registry

DEADLINE_SEC = 10.0
RENEWALS = 2
"""One renewal may be under way when the worker begins to drain."""


async def until(store: Store, holds: Callable[[Job], bool]) -> Job:
    """Return the job once *holds* is true for it."""
    async with asyncio.timeout(DEADLINE_SEC):
        while True:
            job = await store.jobs.get("job-1")
            if job and holds(job):
                return job
            await asyncio.sleep(0.02)


def renewed(times: int) -> Callable[[Job], bool]:
    """Return a condition that holds once the lease was renewed so many times."""
    ends: set[datetime] = set()

    def holds(job: Job) -> bool:
        assert job.lease is not None
        ends.add(job.lease.expires_at)
        return len(ends) > times

    return holds


async def test_a_worker_whose_database_became_too_new_renews_its_leases_while_it_drains(
    mongo_url: str,
    database_name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    may_end = threading.Event()

    async def handler(*_: Any) -> None:
        await asyncio.to_thread(may_end.wait, DEADLINE_SEC)

    registry = Registry()
    registry.add(Registration("pdf", handler, None, None))
    monkeypatch.setattr(handler_packages, "REGISTRY", registry)
    monkeypatch.setattr(handler_packages, "entry_points", lambda **_: [])
    monkeypatch.setattr(store_module, "VERSION_CHECK_SEC", 0.05)
    settings = Settings.model_validate(
        {
            "mongo": {"url": mongo_url, "database": database_name},
            "generic_worker": {"poll_interval_sec": 0.1},
            "worker": {"heartbeat_sec": 0.2, "drain_sec": DEADLINE_SEC, "http_port": 0},
            "security": {"encryption_keys": [Fernet.generate_key().decode()]},
        }
    )
    async with store_of(settings.mongo) as store:
        await store.jobs.insert(make_job())
        serving = asyncio.create_task(serve(settings))
        await until(store, lambda job: job.status is JobStatus.PROCESSING)
        too_new = {"$set": {"number": 2**20, "oldest_reader": 2**20}}
        await collection_of(store.client).update_one({"_id": DOCUMENT}, too_new, upsert=True)
        await until(store, lambda _: "worker.draining" in caplog.messages)
        await until(store, renewed(RENEWALS))
        may_end.set()
        with pytest.raises(ConfigurationError):
            await asyncio.wait_for(serving, DEADLINE_SEC)
        job = await until(store, lambda job: job.has_ended)
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)
