"""Webhooks a second and the time from commit to the receiver's first byte, one real notifier.

python bench/webhooks.py (part of make bench)

Jobs are put into MongoDB as a worker's settling write leaves them (terminal, with an outbox slot)
and rung as a worker rings. Everything runs on this machine: MongoDB, RabbitMQ, notifier, receivers
and this program. Compare the lines of one run with each other.

    idle      one event at a time
    backlog   events that were waiting when the notifier started, for one origin and for twenty
    stream    events at half of that rate, for twenty origins
    isolation the stream at a quarter of it, without and with one more origin that hangs
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

from webhook_receiver import Arrivals, Receivers

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
from secretary_common.mongo.store import Store, store_of
from secretary_common.runtime.lifecycle import running
from secretary_common.settings.service import MongoSection
from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Keys, Servers
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
class Scene:
    """The store, the doorbell and the receivers."""

    store: Store
    doorbell: Publisher
    receivers: Receivers
    committed: dict[str, float] = field(default_factory=dict)

    def job(self, origin: int) -> Job:
        """A job that has just completed, for the receiver *origin*."""
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
        """Store a job, note when it was acknowledged, ring; returns the delivery's id."""
        job = self.job(origin)
        delivery_id = delivery_id_of(job.job_id, SEQ)
        await self.store.jobs.insert(job)
        self.committed[delivery_id] = time.time()
        if ring:
            await self.doorbell.ring_delivery(job.job_id, SEQ)
        return delivery_id

    async def arrivals_of(self, wanted: set[str]) -> Arrivals:
        """When all of *wanted* arrived."""
        found: Arrivals = {}
        deadline = time.monotonic() + LAST_ARRIVAL_SEC
        while not wanted <= found.keys():
            if time.monotonic() > deadline:
                sys.exit(f"{len(wanted - found.keys())} of {len(wanted)} did not arrive")
            await asyncio.sleep(0.1)
            found |= self.receivers.take()
        return found

    def waits_ms(self, arrivals: Arrivals, wanted: set[str]) -> list[float]:
        """From commit to first byte, sorted."""
        return sorted((arrivals[one] - self.committed[one]) * 1000 for one in wanted)


async def warm_up(scene: Scene) -> None:
    """Return once a doorbell is heard: an event arrives long before the next look."""
    while True:
        wanted = {await scene.commit(0)}
        [wait] = scene.waits_ms(await scene.arrivals_of(wanted), wanted)
        if wait < WARM_MS:
            return


async def idle(scene: Scene) -> str:
    """One event at a time."""
    wanted = set()
    for number in range(IDLE_EVENTS):
        wanted.add(await scene.commit(number % ORIGINS))
        await asyncio.sleep(0.05)
    return f"idle       {_quantiles(scene.waits_ms(await scene.arrivals_of(wanted), wanted))}"


async def backlog(scene: Scene, notifier: Service, origins: int) -> float:
    """Deliveries a second of events that wait when the notifier starts."""
    jobs = [scene.job(number % origins) for number in range(BACKLOG)]
    await _in_parallel(16, [functools.partial(scene.store.jobs.insert, job) for job in jobs])
    await asyncio.to_thread(notifier.start)
    wanted = {delivery_id_of(job.job_id, SEQ) for job in jobs}
    arrived = sorted((await scene.arrivals_of(wanted)).values())
    return len(arrived) / (arrived[-1] - arrived[0])


async def stream(scene: Scene, rate: int, seconds: int) -> list[float]:
    """Milliseconds from commit to first byte of events at a steady rate, sorted."""
    committing: list[asyncio.Task[str]] = []
    started = time.monotonic()
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
        committing.append(asyncio.create_task(scene.commit(number % ORIGINS)))
    wanted = set(await asyncio.gather(*committing))
    return scene.waits_ms(await scene.arrivals_of(wanted), wanted)


async def isolation(scene: Scene, rate: int) -> list[str]:
    """The healthy origins' waits without and with one that hangs."""
    without = await stream(scene, rate, ISOLATION_SEC)
    await _in_parallel(
        16, [lambda: scene.commit(HANGING, ring=False) for _ in range(HANGING_BACKLOG)]
    )
    beside = asyncio.create_task(_keep_sending(scene))
    with_one = await stream(scene, rate, ISOLATION_SEC)
    beside.cancel()
    ratio = _quantile(with_one, 0.99) / _quantile(without, 0.99)
    return [
        f"isolation  {rate}/s, all healthy:      {_quantiles(without)}",
        f"isolation  {rate}/s, one origin hangs: {_quantiles(with_one)}",
        f"isolation  p99 with it / without it: {ratio:.2f}",
    ]


async def _keep_sending(scene: Scene) -> None:
    while True:
        await scene.commit(HANGING)
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
    keys, port = Keys.make(), free_port()
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
    """Run all and print."""
    mongo = MongoSection(url=servers.mongo.url, database="bench_webhooks")
    notifier = _notifier(folder, mongo, servers.amqp_url)
    doorbell = Publisher(servers.amqp_url)
    with Receivers(ORIGINS + 1, hanging={HANGING}) as receivers:
        async with store_of(mongo) as store, running(doorbell.run(), store.keep_time()):
            scene = Scene(store, doorbell, receivers)
            for origins in (1, ORIGINS):
                most = await backlog(scene, notifier, origins)
                told = f"{BACKLOG} for {origins:2} origins: {most:.0f} deliveries/s"
                print(f"backlog    {told}", flush=True)
                notifier.stop()
            await asyncio.to_thread(notifier.start)
            await warm_up(scene)
            print(await idle(scene), flush=True)
            rate = int(most * STREAM_SHARE)
            waits = await stream(scene, rate, STREAM_SEC)
            print(f"stream     {rate}/s: {_quantiles(waits)}", flush=True)
            print("\n".join(await isolation(scene, int(most * ISOLATION_SHARE))), flush=True)
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
