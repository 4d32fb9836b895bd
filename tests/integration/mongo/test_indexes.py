"""``secretary-init`` alone builds indexes; services check them and work without."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pymongo import MongoClient
from support.job_samples import NOW, make_job

from secretary_common.mongo import indexes
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.indexes import definitions
from secretary_common.mongo.indexes.check import check
from secretary_common.mongo.indexes.definitions import INDEXES
from secretary_common.mongo.jobs.candidates import BY_ORDER, BY_RUN_AT
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import run_to_end
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.mongod import ReplicaSet

# The deadline of every other operation.
DEADLINE_SEC = 5
HANDLERS = Path(__file__).parents[2] / "e2e"
NUMBER = sum(map(len, INDEXES.values()))
Raw = MongoClient[dict[str, Any]]


@pytest.fixture(params=["motor", "pymongo"])
async def client(
    request: pytest.FixtureRequest, mongo_url: str, database_name: str
) -> AsyncIterator[DatabaseClient]:
    client = DatabaseClient(mongo_url, database_name, request.param)
    yield client
    await client.close()


@pytest.fixture
def raw(mongo_url: str) -> Iterator[Raw]:
    client: Raw
    with MongoClient(mongo_url) as client:
        yield client


@pytest.fixture
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    """A MongoDB whose index builds can be stopped halfway."""
    folder = tmp_path_factory.mktemp("slow-mongo")
    with ReplicaSet(folder, parameters={"enableTestCommands": "1"}) as started:
        yield started


def fields(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """The fields of each line of *event*."""
    return [vars(line)["fields"] for line in caplog.records if line.getMessage() == event]


async def test_each_index_is_built_once_and_named(
    client: DatabaseClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert await indexes.ensure(client) == 0
    for event in ("index.building", "index.built"):
        assert len(fields(caplog, event)) == NUMBER
    caplog.clear()
    assert await indexes.ensure(client) == 0
    assert not caplog.records
    assert await check(client, {}) == {}


async def test_several_inits_at_once_build_all_indexes(client: DatabaseClient) -> None:
    assert await asyncio.gather(*(indexes.ensure(client) for _ in range(4))) == [0] * 4
    assert await check(client, {}) == {}


async def test_a_build_takes_as_long_as_it_needs(slow: ReplicaSet) -> None:
    """Two inits at once, with another driver each: one waits for its build, one for the other's."""
    clients = [DatabaseClient(slow.url, "slow", driver) for driver in ("motor", "pymongo")]
    with MongoClient[dict[str, Any]](slow.url) as hold:
        hold.slow.jobs.insert_one({"_id": "job-1"})
        hold.admin.command("configureFailPoint", "hangAfterStartingIndexBuild", mode="alwaysOn")
        inits = [asyncio.create_task(indexes.ensure(client)) for client in clients]
        await asyncio.sleep(DEADLINE_SEC + 2)
        assert not any(init.done() for init in inits)
        hold.admin.command("configureFailPoint", "hangAfterStartingIndexBuild", mode="off")
        assert await asyncio.gather(*inits) == [0, 0]
    for client in clients:
        assert await check(client, {}) == {}
        await client.close()


async def test_an_index_of_the_same_name_with_other_keys_is_named_and_the_others_are_built(
    client: DatabaseClient, raw: Raw, database_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = raw[database_name].jobs
    jobs.create_index([("created_at", 1)], name="newest")
    jobs.create_index([("notify.due_at", 1)], name="slots_by_due_at")
    jobs.create_index([("job_type", 1), ("created_at", -1), ("_id", -1)], name="mine")
    assert await indexes.ensure(client) == 3
    logged = {
        line["index"]: (line["reason"], line["action"]) for line in fields(caplog, "index.refused")
    }
    assert logged == {
        "newest": (
            "its keys are created_at 1, not created_at -1, _id -1",
            "drop the index newest of jobs, then run secretary-init",
        ),
        "slots_by_due_at": (
            "its option partialFilterExpression is unset, not {notify.due_at: {$exists: True}}",
            "drop the index slots_by_due_at of jobs, then run secretary-init",
        ),
        "newest_by_type": (
            "the same index has the name mine",
            "drop the index mine of jobs, then run secretary-init",
        ),
    }
    assert len(await check(client, {})) == 3


async def test_a_retired_index_is_dropped_once_no_older_worker_is_alive(
    client: DatabaseClient, raw: Raw, database_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    jobs, workers = raw[database_name].jobs, raw[database_name].workers
    jobs.create_index([("status", 1)], name="newest_by_status")
    soon = datetime.now(UTC) + timedelta(minutes=5)
    workers.insert_one({"_id": "older", "alive_until": soon})
    assert await indexes.ensure(client) == 0
    assert [line["index"] for line in fields(caplog, "index.kept")] == ["newest_by_status"]
    assert "newest_by_status" in jobs.index_information()

    workers.insert_one(
        {"_id": "new", "alive_until": soon, "index_version": definitions.INDEX_VERSION}
    )
    workers.update_one({"_id": "older"}, {"$set": {"alive_until": soon - timedelta(hours=1)}})
    assert await indexes.ensure(client) == 0
    assert "newest_by_status" not in jobs.index_information()


async def test_an_index_stays_while_an_index_that_replaces_it_is_missing(
    client: DatabaseClient, raw: Raw, database_name: str
) -> None:
    jobs = raw[database_name].jobs
    jobs.create_index([("lease.expires_at", 1)], name="running_by_lease")
    jobs.create_index([("status", 1)], name="running")  # MongoDB refuses Secretary's index
    assert await indexes.ensure(client) == 1
    assert "running_by_lease" in jobs.index_information()


async def test_a_missing_index_is_logged_once_and_counted(
    client: DatabaseClient, raw: Raw, database_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await indexes.ensure(client)
    raw[database_name].jobs.drop_index("newest")
    known = await check(client, {})
    known = await check(client, known)
    (logged,) = fields(caplog, "index.missing")
    assert (logged["collection"], logged["index"]) == ("jobs", "newest")
    assert logged["action"] == "run secretary-init"
    assert REGISTRY.get_sample_value("secretary_indexes_missing") == 1
    await indexes.ensure(client)
    assert await check(client, known) == {}
    assert fields(caplog, "index.found") == [{"collection": "jobs", "index": "newest"}]
    assert REGISTRY.get_sample_value("secretary_indexes_missing") == 0


async def test_jobs_are_found_without_the_indexes_that_queries_name(
    client: DatabaseClient, raw: Raw, database_name: str
) -> None:
    await indexes.ensure(client)
    jobs = MongoJobRepository(client.collection("jobs"))
    waiting = make_job()
    await jobs.insert(waiting)
    now = NOW

    async def found() -> list[str]:
        types = [waiting.job_type]
        oldest = await jobs.oldest_waiting(types, waiting.priority, [waiting.owner], now, 5)
        return [each.job_id for each in [*oldest, *await jobs.candidates(types, now, 5)]]

    assert await found() == [waiting.job_id] * 2
    for name in (BY_ORDER, BY_RUN_AT):
        raw[database_name].jobs.drop_index(name)
    assert await found() == [waiting.job_id] * 2
    # MongoDB returns too few documents for another partial index of that name.
    for name in (BY_ORDER, BY_RUN_AT):
        other = {"status": "completed"}
        raw[database_name].jobs.create_index(
            [("status", 1), (name, 1)], name=name, partialFilterExpression=other
        )
    await check(client, {})
    assert await found() == [waiting.job_id] * 2


def test_services_start_and_run_jobs_without_init(
    mongo_url: str, database_name: str, tmp_path: Path
) -> None:
    """Jobs run end to end in a database without any index, and none is built."""
    stack = Stack(
        tmp_path,
        mongo_url=mongo_url,
        database=database_name,
        settings={
            "log.format": "json",
            "generic_worker.poll_interval_sec": 0.5,
            "worker.handler_modules": ["e2e_handlers"],
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HANDLERS))
        for service in stack.services:
            service.launch()
    try:
        for service in stack.services:
            service.await_ready()
        with stack.client() as api:
            job_id = wait_until(
                lambda: submitted(api), timeout_sec=10, what="the job type", every_sec=0.2
            )
            assert api.wait(job_id, timeout_sec=20)["status"] == "completed"
        client: Raw
        with MongoClient(mongo_url) as client:
            assert list(client[database_name].jobs.index_information()) == ["_id_"]
        for service in stack.services:
            lines = [json.loads(line) for line in service.log.read_text().splitlines()]
            missing = [line["index"] for line in lines if line["event"] == "index.missing"]
            assert len(missing) == NUMBER, service.name
        run_to_end("secretary-init", stack.settings, tmp_path, timeout_sec=60)
        init = (tmp_path / "secretary-init.log").read_text()
        assert init.count("index.built") == NUMBER
    finally:
        stack.stop()


def submitted(api: Any) -> str | None:
    try:
        return str(api.submit("nap", {"seconds": 0}))
    except Exception:  # noqa: BLE001 - the worker has not announced it yet
        return None
