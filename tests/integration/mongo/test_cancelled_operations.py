"""A cancelled operation leaves the driver usable, and what it still writes does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.job_samples import NOW, after

from secretary_common.errors import StoreUnavailable
from secretary_common.models import WorkerReport
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection
from secretary_common.mongo.driver.to_the_end import to_the_end
from secretary_common.mongo.processes import MongoNotifierRepository, MongoWorkerRepository
from secretary_devstack.servers.port import HOST, free_port

CALLERS = 200
PATIENCE_SEC = 30.0
"""Far more than the deadline of an operation; one that never returns ends here."""


async def test_operations_return_after_others_were_cancelled_twice_while_no_server_answers() -> (
    None
):
    client = DatabaseClient(f"mongodb://{HOST}:{free_port()}/?replicaSet=rs", "test", "pymongo")
    jobs = client.collection("jobs")
    calls = [asyncio.ensure_future(jobs.find_one({})) for _ in range(CALLERS)]
    loop = asyncio.get_running_loop()
    for place, call in enumerate(calls[1:]):
        first_sec = 0.3 + place % 50 * 0.0004
        for again_sec in (0.0, place % 5 * 0.0001):  # a group of tasks cancels each once more
            loop.call_later(first_sec + again_sec, call.cancel)
    async with asyncio.timeout(PATIENCE_SEC):
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(one) for one in outcomes} == {asyncio.CancelledError, StoreUnavailable}
        with pytest.raises(StoreUnavailable):
            await jobs.find_one({})
        await client.close()


class SlowUpdates:
    """Updates of a collection that reach MongoDB when a test lets them."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self.delete_many = collection.delete_many
        self.find = collection.find
        self.find_one = collection.find_one
        self.may_arrive = asyncio.Event()
        self.arrived = asyncio.Event()
        self.may_arrive.set()

    @to_the_end
    async def update_one(self, *given: Any, **options: Any) -> int:
        await self.may_arrive.wait()
        found = await self._collection.update_one(*given, **options)
        self.arrived.set()
        return found


async def removed_during_a_report(
    updates: SlowUpdates,
    report: Callable[[], Awaitable[None]],
    remove: Callable[[], Awaitable[None]],
) -> None:
    """Cancel a later report, whose write arrives after the removal."""
    await report()
    updates.may_arrive.clear()
    updates.arrived.clear()
    later = asyncio.ensure_future(report())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later.cancel()
    await asyncio.wait([later])
    await remove()
    updates.may_arrive.set()
    await updates.arrived.wait()


@pytest.mark.parametrize("process", ["worker", "notifier"])
async def test_a_process_that_has_stopped_is_not_alive_although_its_last_report_arrives_later(
    mongo_url: str, database_name: str, process: str
) -> None:
    client = DatabaseClient(mongo_url, database_name, "motor")
    updates: Any = SlowUpdates(client.collection("processes"))
    workers, notifiers = MongoWorkerRepository(updates), MongoNotifierRepository(updates)
    if process == "worker":
        one = WorkerReport(
            worker_id="w1",
            host="host-1",
            pid=7,
            started_at=NOW,
            seen_at=NOW,
            alive_until=after(30),
            job_types=["pdf"],
            slots=1,
            active=True,
            running=[],
            listening=True,
        )
        await removed_during_a_report(
            updates, lambda: workers.report(one), lambda: workers.forget("w1")
        )
    else:
        await removed_during_a_report(
            updates, lambda: notifiers.report("n1", NOW, {}), lambda: notifiers.leave("n1")
        )
    assert (await workers.alive(NOW), await notifiers.any_alive(NOW)) == ([], False)
    await client.close()
