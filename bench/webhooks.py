"""Webhooks a second, and the time from commit to the receiver's first byte, with one notifier.

The bench inserts jobs into MongoDB in the state after a worker's settling write (terminal, with an
outbox slot) and rings the doorbell as a worker does. MongoDB, RabbitMQ, notifier, receivers and
the bench run on this machine. Compare only lines of one run.

    idle      one event at a time
    backlog   events that wait when the notifier starts, for one origin and for twenty
    stream    events at half of the backlog's rate, for twenty origins
    isolation a stream at a quarter of the backlog's rate, beside one more origin, which answers
              or hangs. It gets the same events in both cases: a backlog two seconds before the
              stream begins, then ten a second. Each case has servers and a notifier of its own.
              Both run at the same time, and the stream goes to each for three seconds in turn
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness import cpu, picture, results
from harness.receiver import Arrivals, Receivers
from harness.results import Record
from harness.turns import alone, new_folder, say

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
ORIGINS = 20
BESIDE = ORIGINS  # the number of the origin beside the stream, which answers or hangs
IDLE_EVENTS = 100
STREAM_SHARE = 0.5
STREAM_SEC = 10
ISOLATION_SHARE = 0.25
SLICES, SLICE_SEC = 6, 3
BACKLOG_BESIDE = 300
RELAY_SEC = 2  # long enough for the backlog to become deliveries
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


async def idle(setup: Setup) -> Record:
    """Measure one event at a time."""
    wanted = set()
    for number in range(IDLE_EVENTS):
        wanted.add(await setup.commit(number % ORIGINS))
        await asyncio.sleep(0.05)
    waits = setup.waits_ms(await setup.arrivals_of(wanted), wanted)
    return {"what": "idle", "first_byte_ms": results.percentiles(waits)}


async def backlog(setup: Setup, notifier: Service, origins: int, events: int) -> Record:
    """Measure events that wait when the notifier starts."""
    jobs = [setup.job(number % origins) for number in range(events)]
    await _in_parallel(16, [functools.partial(setup.store.jobs.insert, job) for job in jobs])
    await asyncio.to_thread(notifier.start)
    processes = {"notifier": [notifier.child.pid], **setup.servers}
    before = cpu.cpu_sec(processes)
    wanted = {delivery_id_of(job.job_id, SEQ) for job in jobs}
    arrived = sorted((await setup.arrivals_of(wanted)).values())
    used = cpu.since(before, cpu.cpu_sec(processes))
    return {
        "what": f"backlog, {origins} origins",
        "per_sec": len(arrived) / (arrived[-1] - arrived[0]),
        "cpu_ms": {name: sec / events * 1000 for name, sec in used.items()},
        "cpu_ms_sum": sum(used.values()) / events * 1000,
    }


async def stream(setup: Setup, rate: int, seconds: int) -> list[float]:
    """Send events at a steady rate; return the milliseconds from commit to first byte, sorted."""
    committing: list[asyncio.Task[str]] = []
    started = time.monotonic()
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
        committing.append(asyncio.create_task(setup.commit(number % ORIGINS)))
    wanted = set(await asyncio.gather(*committing))
    return setup.waits_ms(await setup.arrivals_of(wanted), wanted)


async def isolation(cases: dict[str, Setup], rate: int) -> list[Record]:
    """Measure a stream in each of *cases*, in turns, beside an origin that gets events too."""
    waits: dict[str, list[float]] = {name: [] for name in cases}
    async with AsyncExitStack() as stack:
        for setup in cases.values():
            commit = functools.partial(setup.commit, BESIDE, ring=False)
            await _in_parallel(16, [commit] * BACKLOG_BESIDE)
            await stack.enter_async_context(running(_keep_sending(setup)))
        await asyncio.sleep(RELAY_SEC)
        for number in range(SLICES):
            # The case that comes first changes, too.
            for name in list(cases)[:: -1 if number % 2 else 1]:
                waits[name] += await stream(cases[name], rate, SLICE_SEC)
    return [_streamed(name, rate, sorted(waits[name])) for name in cases]


def _streamed(what: str, rate: int, waits: list[float]) -> Record:
    return {"what": what, "per_sec": rate, "first_byte_ms": results.percentiles(waits)}


async def _keep_sending(setup: Setup) -> None:
    while True:
        await setup.commit(BESIDE)
        await asyncio.sleep(0.1)


async def _in_parallel(width: int, works: Sequence[Callable[[], Awaitable[object]]]) -> None:
    waiting = iter(works)

    async def work() -> None:
        for one in waiting:
            await one()

    await asyncio.gather(*(work() for _ in range(width)))


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


@asynccontextmanager
async def _made(
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


def _measure(folder: Path, options: argparse.Namespace) -> list[Record]:
    """Measure the rates, then the stream beside another origin; start servers for each."""
    with Receivers(ORIGINS) as receivers, _servers(folder / "rates") as servers:
        records = asyncio.run(_rates(folder, servers, receivers, options))
    rate = int(records[1]["per_sec"] * ISOLATION_SHARE)
    with ExitStack() as stack:
        asked = {
            "all healthy": stack.enter_context(Receivers(ORIGINS + 1)),
            "one hangs": stack.enter_context(Receivers(ORIGINS + 1, hanging={BESIDE})),
        }
        started = {name: stack.enter_context(_servers(folder / name[:3])) for name in asked}
        return records + asyncio.run(_beside(folder, started, asked, rate))


def _servers(folder: Path) -> Servers:
    return Servers(folder, quick_start=False)


async def _beside(
    folder: Path, servers: dict[str, Servers], receivers: dict[str, Receivers], rate: int
) -> list[Record]:
    cases = {}
    async with AsyncExitStack() as stack:
        for name, started in servers.items():
            made = _made(folder, started, receivers[name])
            cases[name], notifier = await stack.enter_async_context(made)
            await asyncio.to_thread(notifier.start)
            await warm_up(cases[name])
        return await isolation(cases, rate)


async def _rates(
    folder: Path, servers: Servers, receivers: Receivers, options: argparse.Namespace
) -> list[Record]:
    records = []
    async with _made(folder, servers, receivers) as (setup, notifier):
        for origins in (1, ORIGINS):
            records.append(await backlog(setup, notifier, origins, options.events))
            say(f"{records[-1]['what']}: {records[-1]['per_sec']:.0f}/s")
            notifier.stop()
        rate = int(records[-1]["per_sec"] * STREAM_SHARE)
        await asyncio.to_thread(notifier.start)
        await warm_up(setup)
        records.append(await idle(setup))
        records.append(_streamed("stream", rate, await stream(setup, rate, STREAM_SEC)))
    return records


def _pids(servers: Servers) -> dict[str, list[int]]:
    broker = servers.broker
    nodes = [node.child.pid for node in servers.mongo.nodes]
    return {"mongod": nodes, "rabbitmq": [broker.pid] if broker else []}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--events", type=int, default=3000, help="of each backlog")
    parser.add_argument("--turns", type=int, default=1)


def measure(options: argparse.Namespace) -> Record:
    """Measure everything in each turn, against fresh servers."""
    records: list[Record] = []
    for turn in range(1, options.turns + 1):
        with alone(options.lock), new_folder() as folder:
            found = _measure(folder, options)
        records += [{"turn": turn, **record} for record in found]
    return {"records": records}


def tables(found: Record) -> str:
    """Return the table of the results."""
    rows = []
    for (what,), records in results.grouped(found["records"], "what").items():
        waits = [results.median(records, "first_byte_ms", part) for part in ("p50", "p99")]
        rate = results.values_of(records, "per_sec")
        cost = results.values_of(records, "cpu_ms_sum")
        rows.append(
            [
                str(what),
                results.spread(records, "per_sec") if rate else "",
                "/".join(f"{ms:.0f}" for ms in waits) if waits[0] else "",
                results.spread(records, "cpu_ms_sum", digits=2) if cost else "",
            ]
        )
    return results.table(("", "a second", "first byte p50/p99 ms", "CPU ms a delivery"), rows)


def pictures(found: Record) -> dict[str, str]:
    """Return the pictures of the results by name."""
    groups = {
        str(what): {part: results.median(records, "first_byte_ms", part) for part in ("p50", "p99")}
        for (what,), records in results.grouped(found["records"], "what").items()
        if results.values_of(records, "first_byte_ms", "p50")
    }
    return {"webhooks": picture.bars("From commit to first byte", groups, unit=" ms")}
