"""A cancelled operation leaves the driver usable, also while no server answers."""

from __future__ import annotations

import asyncio

import pytest

from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.driver.client import DatabaseClient
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
