"""Webhooks a second, and the time from commit to the receiver's first byte, with one notifier.

python bench/webhooks.py (part of make bench)

The bench inserts jobs into MongoDB in the state after a worker's settling write (terminal, with an
outbox slot) and rings the doorbell as a worker does. MongoDB, RabbitMQ, notifier, receivers and
the bench run on this machine. Compare only lines of one run.

    idle      one event at a time
    backlog   events that wait when the notifier starts, for one origin and for twenty
    stream    events at half of the backlog's rate, for twenty origins
    isolation a stream at a quarter of the backlog's rate, without and with an origin that hangs
"""

from __future__ import annotations

import asyncio
import functools
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
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
from secretary_devstack.processes.stack import Servers, SystemKeys
from secretary_devstack.servers.port import free_port

ORIGINS = 20
HANGING = ORIGINS  # the number of the origin that hangs
IDLE_EVENTS = 100
BACKLOG = 3000
STREAM_SHARE = 0.5
STREAM_SEC = 10
ISOLATION_SHARE = 0.25
ISOLATION_SEC = 15
HANGING_BACKLOG = 300
WARM_MS = 1000.0
SEQ = 3
LAST_ARRIVAL_SEC = 60


@dataclass
class Setup:
    """The store, the doorbell and the receivers of the bench."""

    store: Store
    doorbell: Publisher
    receivers: Receivers
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
            await self.doorbell.ring_delivery(job.job_id, SEQ)
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


async def idle(setup: Setup) -> str:
    """Measure one event at a time; return a line."""
    wanted = set()
    for number in range(IDLE_EVENTS):
        wanted.add(await setup.commit(number % ORIGINS))
        await asyncio.sleep(0.05)
    return f"idle       {_quantiles(setup.waits_ms(await setup.arrivals_of(wanted), wanted))}"


async def backlog(setup: Setup, notifier: Service, origins: int) -> float:
    """Return the deliveries a second for events that wait when the notifier starts."""
    jobs = [setup.job(number % origins) for number in range(BACKLOG)]
    await _in_parallel(16, [functools.partial(setup.store.jobs.insert, job) for job in jobs])
    await asyncio.to_thread(notifier.start)
    wanted = {delivery_id_of(job.job_id, SEQ) for job in jobs}
    arrived = sorted((await setup.arrivals_of(wanted)).values())
    return len(arrived) / (arrived[-1] - arrived[0])


async def stream(setup: Setup, rate: int, seconds: int) -> list[float]:
    """Send events at a steady rate; return the milliseconds from commit to first byte, sorted."""
    committing: list[asyncio.Task[str]] = []
    started = time.monotonic()
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
        committing.append(asyncio.create_task(setup.commit(number % ORIGINS)))
    wanted = set(await asyncio.gather(*committing))
    return setup.waits_ms(await setup.arrivals_of(wanted), wanted)


async def isolation(setup: Setup, rate: int) -> list[str]:
    """Measure healthy origins without and with a hanging one; return lines."""
    without = await stream(setup, rate, ISOLATION_SEC)
    await _in_parallel(
        16, [lambda: setup.commit(HANGING, ring=False) for _ in range(HANGING_BACKLOG)]
    )
    hanging = asyncio.create_task(_keep_sending(setup))
    with_one = await stream(setup, rate, ISOLATION_SEC)
    hanging.cancel()
    ratio = _quantile(with_one, 0.99) / _quantile(without, 0.99)
    return [
        f"isolation  {rate}/s, all healthy:      {_quantiles(without)}",
        f"isolation  {rate}/s, one origin hangs: {_quantiles(with_one)}",
        f"isolation  p99 with it / without it: {ratio:.2f}",
    ]


async def _keep_sending(setup: Setup) -> None:
    while True:
        await setup.commit(HANGING)
        await asyncio.sleep(0.1)


async def _in_parallel(width: int, works: list[Callable[[], Awaitable[object]]]) -> None:
    waiting = iter(works)

    async def work() -> None:
        for one in waiting:
            await one()

    await asyncio.gather(*(work() for _ in range(width)))


def _quantile(values: list[float], part: float) -> float:
    return values[min(int(len(values) * part), len(values) - 1)]


def _quantiles(values: list[float]) -> str:
    return (
        f"commit to first byte p50 {statistics.median(values):.0f} ms, "
        f"p99 {_quantile(values, 0.99):.0f} ms"
    )


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


async def measure(folder: Path, servers: Servers) -> None:
    """Run all measurements and print their lines."""
    mongo = MongoSection(url=servers.mongo.url, database="bench_webhooks")
    notifier = _notifier(folder, mongo, servers.amqp_url)
    doorbell = Publisher(servers.amqp_url)
    with Receivers(ORIGINS + 1, hanging={HANGING}) as receivers:
        async with store_of(mongo) as store, running(doorbell.run(), store.keep_time()):
            await indexes.ensure(store.client)
            setup = Setup(store, doorbell, receivers)
            for origins in (1, ORIGINS):
                most = await backlog(setup, notifier, origins)
                line = f"{BACKLOG} for {origins:2} origins: {most:.0f} deliveries/s"
                print(f"backlog    {line}", flush=True)
                notifier.stop()
            await asyncio.to_thread(notifier.start)
            await warm_up(setup)
            print(await idle(setup), flush=True)
            rate = int(most * STREAM_SHARE)
            waits = await stream(setup, rate, STREAM_SEC)
            print(f"stream     {rate}/s: {_quantiles(waits)}", flush=True)
            print("\n".join(await isolation(setup, int(most * ISOLATION_SHARE))), flush=True)
            notifier.kill()


def main() -> None:
    """Measure against fresh servers."""
    with tempfile.TemporaryDirectory(prefix="secretary-bench-") as name:
        folder = Path(name)
        with Servers(folder / "servers") as servers:
            print(servers.versions(), flush=True)
            asyncio.run(measure(folder, servers))


if __name__ == "__main__":
    main()
