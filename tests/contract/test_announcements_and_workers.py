"""What every store promises about job types, templates and workers' reports."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from support.indexed_database import ensure_indexes
from support.job_samples import NOW, after

from secretary_common.models import (
    JobTypeInfo,
    RunningJob,
    TemplateField,
    TemplateInfo,
    WorkerReport,
)
from secretary_common.mongo.announcements import MongoJobTypeRepository, MongoTemplateRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.processes import MongoWorkerRepository
from secretary_common.ports import JobTypeRepository, TemplateRepository, WorkerRepository
from secretary_common.testing.announcements import (
    InMemoryJobTypeRepository,
    InMemoryTemplateRepository,
)
from secretary_common.testing.processes import InMemoryWorkerRepository

PDF, CUSTOM = JobTypeInfo("pdf", {"type": "object"}), JobTypeInfo("custom")


@dataclass(frozen=True)
class Stores:
    job_types: JobTypeRepository
    workers: WorkerRepository
    templates: TemplateRepository


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    if request.param == "memory":
        yield Stores(
            InMemoryJobTypeRepository(), InMemoryWorkerRepository(), InMemoryTemplateRepository()
        )
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    yield Stores(
        MongoJobTypeRepository(client.collection("job_types")),
        MongoWorkerRepository(client.collection("workers")),
        MongoTemplateRepository(client.collection("templates")),
    )
    await client.close()


def report(worker_id: str = "w1", **fields: Any) -> WorkerReport:
    given: dict[str, Any] = {
        "worker_id": worker_id,
        "host": "host-1",
        "pid": 7,
        "started_at": NOW,
        "seen_at": NOW,
        "alive_until": after(30),
        "job_types": ["custom", "pdf"],
        "slots": 3,
        "running": [],
        "active": True,
        "listening": False,
    }
    return WorkerReport(**{**given, **fields})


async def test_a_paused_type_stays_so_when_it_is_announced_again(stores: Stores) -> None:
    await stores.job_types.announce([PDF, CUSTOM])
    assert await stores.job_types.paused() == frozenset()
    assert await stores.job_types.set_paused("pdf", paused=True)
    await stores.job_types.announce([JobTypeInfo("pdf", {"type": "array"}), CUSTOM])
    assert await stores.job_types.paused() == {"pdf"}
    assert await stores.job_types.all() == [
        CUSTOM,
        JobTypeInfo("pdf", {"type": "array"}, paused=True),
    ]


async def test_a_paused_type_is_resumed(stores: Stores) -> None:
    await stores.job_types.announce([PDF])
    for paused in (True, True, False, False):
        assert await stores.job_types.set_paused("pdf", paused=paused)
    assert await stores.job_types.paused() == frozenset()


async def test_an_unknown_type_cannot_be_paused(stores: Stores) -> None:
    assert not await stores.job_types.set_paused("pdf", paused=True)
    assert await stores.job_types.all() == []


async def test_a_template_is_stored_as_it_was_announced_last(stores: Stores) -> None:
    field = TemplateField(name="rows", type="list<a:int>", description="$what: {{x}}.y\n")
    minutes = TemplateInfo(name="Minutes", languages=["de", "en"], fields=[field])
    old, bare = (
        TemplateInfo(name="Minutes", languages=[], fields=[]),
        TemplateInfo(name="Ä-1", languages=[], fields=[]),
    )
    assert await stores.templates.all() == []
    await stores.templates.announce([bare, old])
    await stores.templates.announce([minutes])
    assert await stores.templates.all() == [minutes, bare]


async def test_the_last_report_of_a_worker_is_returned_while_the_worker_lives(
    stores: Stores,
) -> None:
    await stores.workers.report(report("w2"))
    await stores.workers.report(report("w1"))
    last = report(
        "w1",
        seen_at=after(10),
        alive_until=after(40),
        running=[RunningJob(job_id="job-1", owner="key-1")],
        listening=True,
    )
    await stores.workers.report(last)
    assert await stores.workers.alive(after(29)) == [last, report("w2")]
    assert await stores.workers.alive(after(30)) == [last]


async def test_a_worker_that_stopped_is_forgotten(stores: Stores) -> None:
    await stores.workers.report(report())
    await stores.workers.forget("w1")
    await stores.workers.forget("w1")
    assert await stores.workers.alive(NOW) == []
