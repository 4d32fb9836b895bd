"""A notifier on servers of its own: the store, the doorbell and the receivers of its events."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.receiver import Arrivals, Receivers
from secretary_common.broker.publisher import Publisher
from secretary_common.models import (
    Job,
    JobStatus,
    NotifySlot,
    Phase,
    Webhook,
    delivery_id_of,
    new_job_id,
)
from secretary_common.mongo import indexes
from secretary_common.mongo.store import Store, store_of
from secretary_common.runtime.lifecycle import running
from secretary_common.settings.service import MongoSection
from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Servers
from secretary_devstack.processes.system_keys import SystemKeys
from secretary_devstack.servers.port import free_port

DATABASE = "bench_webhooks"
WARM_MS = 1000.0
SEQ = 3
LAST_ARRIVAL_SEC = 60


@dataclass
class Setup:
    """The store, the doorbell and the receivers of the bench."""

    store: Store
    doorbell: Publisher
    receivers: Receivers
    servers: dict[str, list[int]]
    """The process ids of the servers by their names."""
    committed: dict[str, float] = field(default_factory=dict)

    def job(self, origin: int) -> Job:
        """Return a job that has just completed, with a webhook to *origin*."""
        now = self.store.clock.now()
        return Job(
            job_id=new_job_id(),
            job_type="pdf",
            owner="key-1",
            status=JobStatus.COMPLETED,
            run_at=now,
            created_at=now,
            updated_at=now,
            completed_at=now,
            results={"extracted_text": "Lorem ipsum dolor sit amet. " * 40},
            seq=SEQ,
            notify=NotifySlot(seq=SEQ, run=1, phase=Phase.COMPLETED, due_at=now),
            webhook=Webhook(url=self.receivers.url(origin)),
        )

    async def commit(self, origin: int, *, ring: bool = True) -> str:
        """Insert a job, record when it was acknowledged, ring; return the delivery's id."""
        job = self.job(origin)
        delivery_id = delivery_id_of(job.job_id, SEQ)
        await self.store.jobs.insert(job)
        self.committed[delivery_id] = time.time()
        if ring:
            await self.doorbell.ring_slot(job.job_id, SEQ)
        return delivery_id

    async def arrivals_of(self, wanted: set[str]) -> Arrivals:
        """Wait for the deliveries *wanted*; return when each arrived."""
        found: Arrivals = {}
        deadline = time.monotonic() + LAST_ARRIVAL_SEC
        while not wanted <= found.keys():
            if time.monotonic() > deadline:
                sys.exit(f"{len(wanted - found.keys())} of {len(wanted)} did not arrive")
            await asyncio.sleep(0.1)
            found |= self.receivers.take()
        return found

    def waits_ms(self, arrivals: Arrivals, wanted: set[str]) -> list[float]:
        """Return the milliseconds from commit to first byte, sorted."""
        return sorted((arrivals[one] - self.committed[one]) * 1000 for one in wanted)


async def warm_up(setup: Setup) -> None:
    """Return when the doorbell works: an event arrives long before the next poll."""
    while True:
        wanted = {await setup.commit(0)}
        [wait] = setup.waits_ms(await setup.arrivals_of(wanted), wanted)
        if wait < WARM_MS:
            return


@asynccontextmanager
async def setup_on(
    folder: Path, servers: Servers, receivers: Receivers
) -> AsyncIterator[tuple[Setup, Service]]:
    """Give the setup on new *servers*, and a notifier for it that is not started."""
    mongo = MongoSection(url=servers.mongo.url, database=DATABASE)
    notifier = _notifier(folder, mongo, servers.amqp_url)
    doorbell = Publisher(servers.amqp_url)
    async with store_of(mongo) as store, running(doorbell.run(), store.keep_time()):
        await indexes.ensure(store.client)
        try:
            yield Setup(store, doorbell, receivers, servers=_pids(servers)), notifier
        finally:
            if notifier.running:
                notifier.kill()


def _notifier(folder: Path, mongo: MongoSection, amqp_url: str) -> Service:
    keys, port = SystemKeys.make(), free_port()
    settings = {
        "mongo.url": mongo.url,
        "mongo.database": mongo.database,
        "broker.url": amqp_url,
        "security.encryption_keys": [keys.encryption],
        "security.allow_networks": ["127.0.0.0/8"],
        "notifier.signing_secrets": [keys.signing],
        "notifier.http_port": port,
    }
    return Service("secretary-notifier", settings, folder, port=port)


def _pids(servers: Servers) -> dict[str, list[int]]:
    broker = servers.broker
    nodes = [node.child.pid for node in servers.mongo.nodes]
    return {"mongod": nodes, "rabbitmq": [broker.pid] if broker else []}
