"""Each store keeps one fault for each cause, and lets one of several notifiers change it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from support.job_samples import NOW

from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.processes import MongoFaultRepository
from secretary_common.operator_events.fault import FaultEvent, FaultKind, FaultState
from secretary_common.operator_events.fault_repository import FaultRepository
from secretary_common.testing.processes import InMemoryFaultRepository

KIND = FaultKind.RECEIVER_FAILING
LATER = NOW + timedelta(minutes=1)
EVENT = FaultEvent(event_id="fault-1", state=FaultState.BEGAN, at=NOW, held_until=LATER)


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def faults(request: pytest.FixtureRequest) -> AsyncIterator[FaultRepository]:
    if request.param == "memory":
        yield InMemoryFaultRepository()
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    yield MongoFaultRepository(client.collection("faults"))
    await client.close()


async def test_reports_of_several_processes_are_one_fault(faults: FaultRepository) -> None:
    await asyncio.gather(*(faults.report(KIND, "https://a", {"n": 1}, NOW) for _ in range(5)))
    await faults.report(KIND, "https://a", {"n": 2}, LATER)
    [fault] = await faults.current()
    assert (fault.kind, fault.subject, fault.details) == (KIND, "https://a", {"n": 2})
    assert (fault.began_at, fault.seen_at) == (NOW, LATER)


async def test_one_of_several_changes_wins(faults: FaultRepository) -> None:
    await faults.report(KIND, "", {}, NOW)
    [fault] = await faults.current()
    changes = (faults.change(fault, {"announced_at": LATER}) for _ in range(5))
    assert sorted(await asyncio.gather(*changes)) == [False] * 4 + [True]
    assert [one.announced_at for one in await faults.current()] == [LATER]


async def test_a_fault_that_was_reported_meanwhile_does_not_end(faults: FaultRepository) -> None:
    await faults.report(KIND, "", {}, NOW)
    [fault] = await faults.current()
    await faults.report(KIND, "", {}, LATER)
    assert not await faults.change(fault, {"ended_at": LATER})


async def test_a_fault_that_ended_begins_again_with_its_history(faults: FaultRepository) -> None:
    await faults.report(KIND, "", {}, NOW)
    [fault] = await faults.current()
    assert await faults.change(fault, {"ended_at": NOW, "announced_at": NOW})
    assert await faults.current() == []
    await faults.report(KIND, "", {}, LATER)
    [again] = await faults.current()
    assert (again.began_at, again.announced_at, again.ended_at) == (LATER, NOW, None)


async def test_an_ended_fault_stays_until_its_event_is_sent(faults: FaultRepository) -> None:
    await faults.report(KIND, "", {}, NOW)
    [fault] = await faults.current()
    assert await faults.change(fault, {"ended_at": NOW, "event": EVENT.model_dump()})
    assert await faults.remove_ended(LATER) == 0
    [ended] = await faults.current()
    assert ended.event == EVENT
    assert await faults.change(ended, {"event": None})
    assert await faults.current() == []
    assert await faults.remove_ended(LATER) == 1
