"""A write that no majority has is not taken for done, however often it is repeated."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.job_samples import NOW, TYPES, after, end, lease, make_job, progress

from secretary_common.errors import StoreUnavailable
from secretary_common.models import (
    Delivery,
    DeliveryRecord,
    DeliveryState,
    Job,
    Lease,
    Outcome,
    Phase,
    delivery_id_of,
)
from secretary_common.mongo.store import Store, open_store
from secretary_common.settings.service import MongoSection
from secretary_devstack.servers.mongod import ReplicaSet

pytestmark = pytest.mark.drill


def delivery(job_id: str) -> Delivery:
    return Delivery(
        delivery_id=delivery_id_of(job_id, 1),
        job_id=job_id,
        owner="key-1",
        seq=1,
        run=1,
        phase=Phase.COMPLETED,
        url="https://example.com/hook",
        origin="https://example.com:443",
        body=b"{}",
        created_at=NOW,
        next_attempt_at=NOW,
    )


async def held(store: Store, job_id: str, token: str) -> Job:
    await store.jobs.insert(make_job(job_id))
    job = await store.jobs.claim(job_id, lease(token), NOW, TYPES)
    assert job is not None
    return job


async def test_no_repetition_is_confirmed_by_a_local_read(tmp_path: Path) -> None:
    with ReplicaSet(tmp_path, size=3) as mongo:
        store = open_store(MongoSection(url=mongo.url, database="secretary"))
        await store.wait_until_ready()
        job = await held(store, "job-0", "t0")
        await held(store, "job-1", "t1")
        for job_id in ("job-2", "job-4", "job-5"):
            await store.jobs.insert(make_job(job_id))
        await store.deliveries.insert_absent([delivery("job-0")])
        sending = Lease(owner="n", token="d", expires_at=after(60))
        event = delivery_id_of("job-0", 1)
        assert await store.deliveries.claim([event], sending, NOW) != [None]
        record = DeliveryRecord(event, "d", DeliveryState.DELIVERED)
        writes: dict[str, Callable[[], Awaitable[object]]] = {
            "settle": lambda: store.jobs.settle(job, "t0", end(Outcome.COMPLETED)),
            "record_progress": lambda: store.jobs.record_progress(progress(2)),
            "held": lambda: store.jobs.held("job-1", "t1"),
            "claim": lambda: store.jobs.claim("job-2", lease("t2"), NOW, TYPES),
            "claim_many": lambda: store.jobs.claim_many(
                ["job-4", "job-5"], lease("t4"), NOW, TYPES
            ),
            "renew": lambda: store.jobs.renew("worker-1", ["job-1"], after(60)),
            "insert_absent": lambda: store.deliveries.insert_absent([delivery("job-3")]),
            "insert_claimed": lambda: store.deliveries.insert_claimed(
                [delivery("job-6")], {delivery_id_of("job-6", 1): sending}
            ),
            "record": lambda: store.deliveries.record([record]),
            "lock": lambda: store.locks.take("sweeper", "worker-1", NOW, after(60)),
            "confirm": store.confirm,
        }

        async def is_in_doubt(write: Callable[[], Awaitable[object]]) -> None:
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    await write()

        with mongo.without_majority():
            await store.ping()
            await asyncio.gather(*map(is_in_doubt, writes.values()))
        for write in writes.values():
            await write()
        assert (await store.jobs.held("job-2", "t2")) is not None
        assert all([await store.jobs.held(job_id, "t4") for job_id in ("job-4", "job-5")])
        await store.close()
