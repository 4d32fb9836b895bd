"""``secretary-init`` alone migrates; services refuse only what they cannot serve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from secretary_common.errors import ConfigurationError, StoreUnavailable
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.schema.migration import migrate
from secretary_common.mongo.schema.steps import STEPS, VERSION, Step
from secretary_common.mongo.schema.version import (
    DatabaseVersion,
    Fit,
    VersionCheck,
    collection_of,
    fit_of,
    read_version,
)
from secretary_devstack.error import ChildFailed
from secretary_devstack.processes.service import run_to_end
from secretary_devstack.processes.stack import Stack


@pytest.fixture
async def client(mongo_url: str, database_name: str) -> AsyncIterator[DatabaseClient]:
    client = DatabaseClient(mongo_url, database_name, "pymongo")
    yield client
    await client.close()


class Steps:
    """Steps that count their runs; the second one fails a given number of times."""

    def __init__(self, failures: int = 0) -> None:
        self.runs: list[int] = []
        self._failures = failures

    def make(self) -> list[Step]:
        return [Step(1, "one", self._one), Step(2, "two", self._two, oldest_reader=2)]

    async def _one(self, _: DatabaseClient) -> None:
        self.runs.append(1)

    async def _two(self, _: DatabaseClient) -> None:
        self.runs.append(2)
        if self._failures:
            self._failures -= 1
            raise StoreUnavailable


async def version_in(client: DatabaseClient) -> DatabaseVersion:
    return await read_version(collection_of(client))


def test_the_steps_are_numbered_without_a_gap() -> None:
    assert [step.number for step in STEPS] == list(range(1, VERSION + 1))


async def test_each_step_runs_once_and_in_order(client: DatabaseClient) -> None:
    steps = Steps()
    assert await migrate(client, steps.make()[:1]) == 1
    assert await migrate(client, steps.make()) == 2
    assert await migrate(client, steps.make()) == 2
    assert steps.runs == [1, 2]
    assert await version_in(client) == DatabaseVersion(2, oldest_reader=2)


async def test_an_interrupted_step_is_repeated_and_no_step_before_it(
    client: DatabaseClient,
) -> None:
    steps = Steps(failures=1)
    with pytest.raises(StoreUnavailable):
        await migrate(client, steps.make())
    assert await version_in(client) == DatabaseVersion(1, oldest_reader=2)
    assert await migrate(client, steps.make()) == 2
    assert steps.runs == [1, 2, 2]


async def test_no_older_service_starts_among_documents_of_which_a_step_has_changed_a_part(
    client: DatabaseClient,
) -> None:
    with pytest.raises(StoreUnavailable):
        await migrate(client, Steps(failures=1).make())
    assert fit_of(await version_in(client), mine=1) is Fit.TOO_NEW
    assert fit_of(await version_in(client), mine=2) is Fit.OLDER


async def test_several_inits_at_once_end_with_the_same_version(client: DatabaseClient) -> None:
    await asyncio.gather(*(migrate(client, Steps().make()) for _ in range(4)))
    assert await version_in(client) == DatabaseVersion(2, oldest_reader=2)


async def test_an_older_init_never_lowers_the_version(client: DatabaseClient) -> None:
    await migrate(client, Steps().make())
    await migrate(client, Steps().make()[:1])
    assert (await version_in(client)).number == 2


@pytest.mark.parametrize(
    ("found", "fit"),
    [
        (DatabaseVersion(5, 3), Fit.SAME),
        (DatabaseVersion(4), Fit.OLDER),
        (DatabaseVersion(9, 5), Fit.NEWER),
        (DatabaseVersion(9, 6), Fit.TOO_NEW),
        (DatabaseVersion(1), Fit.TOO_OLD),
    ],
)
def test_only_a_version_that_cannot_be_served_is_refused(found: DatabaseVersion, fit: Fit) -> None:
    assert fit_of(found, mine=5, served=2) is fit


@pytest.mark.parametrize(
    ("number", "event"), [(VERSION + 1, "schema.newer"), (VERSION - 1, "schema.older")]
)
async def test_a_service_works_with_another_version_and_logs_that_once(
    client: DatabaseClient, caplog: pytest.LogCaptureFixture, number: int, event: str
) -> None:
    await collection_of(client).insert_one({"_id": "version", "number": number})
    check = VersionCheck(client)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await check.check()
    assert [line.getMessage() for line in caplog.records] == [event]


async def test_a_database_of_a_far_newer_version_is_refused_with_the_remedy(
    client: DatabaseClient, mongo_url: str, database_name: str, tmp_path: Path
) -> None:
    newer = {"_id": "version", "number": VERSION + 2, "oldest_reader": VERSION + 1}
    await collection_of(client).insert_one(newer)
    with pytest.raises(ConfigurationError):
        await VersionCheck(client).check()
    stack = Stack(tmp_path, mongo_url=mongo_url, database=database_name)
    for script in ("secretary-init", "secretary-notifier", "secretary-worker"):
        with pytest.raises(ChildFailed, match=f"number {VERSION + 1} or later"):
            run_to_end(script, stack.settings, tmp_path, timeout_sec=60)


async def test_a_number_that_a_shell_has_stored_as_a_float_counts(client: DatabaseClient) -> None:
    await collection_of(client).insert_one({"_id": "version", "number": 9.0, "oldest_reader": 8.0})
    assert await version_in(client) == DatabaseVersion(9, oldest_reader=8)


async def test_an_odd_version_document_counts_as_none(client: DatabaseClient) -> None:
    odd = {"_id": "version", "number": "many", "oldest_reader": None}
    await collection_of(client).insert_one(odd)
    assert await version_in(client) == DatabaseVersion()
    await VersionCheck(client).check()
