"""What the servers alone can do: MongoDB's writes, RabbitMQ's confirms, an API that does nothing.

The writes of MongoDB are those of a job, with Secretary's indexes, one by one and in groups. No
system can be faster than these limits allow.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aio_pika
from harness import cpu, picture, results
from harness.load import request_of, submit
from harness.peer import PeerProcesses
from harness.results import Record
from harness.turns import alone, new_folder, say
from pymongo import AsyncMongoClient, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

from secretary_common.jobs import transition
from secretary_common.models import Job, Lease, Outcome, Settlement, new_job_id, new_token
from secretary_common.mongo import indexes
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.document import to_document, update_of
from secretary_common.runtime.clock import SystemClock
from secretary_devstack.processes.stack import Servers
from secretary_devstack.servers.port import HOST

CLOCK = SystemClock()
DATABASE = "bench"
PAYLOAD = b'{"job_id":"job-00000000-0000-7000-8000-000000000000"}'

Documents = Sequence[dict[str, Any]]
Jobs = AsyncCollection[dict[str, Any]]
Write = Callable[[Jobs, Documents], Awaitable[Any]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--turns", type=int, default=3)


def measure(options: argparse.Namespace) -> Record:
    """Measure every limit in each turn."""
    records = []
    for turn in range(1, options.turns + 1):
        with alone(options.lock), new_folder() as folder:
            for record in asyncio.run(_one_turn(folder, options)):
                records.append({"turn": turn, **record})
                say(f"turn {turn}  {record['limit']:32} {record['per_sec']:6.0f}/s")
    return {"records": records}


async def _one_turn(folder: Path, options: argparse.Namespace) -> list[Record]:
    found = await _api(folder, options)
    with Servers(folder / "servers", quick_start=False) as servers:
        for group in options.groups:
            found += await _mongo(servers, options.jobs if group > 1 else options.jobs // 4, group)
        for flight in options.groups:
            found.append(await _rabbitmq(servers, options.jobs, flight))
    return found


async def _api(folder: Path, options: argparse.Namespace) -> list[Record]:
    processes = PeerProcesses(folder, {})
    try:
        processes.start_api("peers.noop_app:api")
        url = f"http://{HOST}:{processes.port}"
        request = request_of(url, {}, {"job_type": "bench", "parameters": {"text": "a" * 50}})
        async with _counted("an API that does nothing", processes.pids(), options.jobs) as record:
            await submit(url, request, options.jobs, connections=32)
    finally:
        processes.stop()
    return [record]


async def _mongo(servers: Servers, jobs: int, group: int) -> list[Record]:
    maker = DatabaseClient(servers.mongo.url, DATABASE, "pymongo")
    await indexes.ensure(maker)
    await maker.close()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        servers.mongo.url, w="majority", journal=True
    )
    documents = [_document() for _ in range(jobs)]
    processes = {"mongod": [node.child.pid for node in servers.mongo.nodes]}
    found = []
    for name, write in _writes().items():
        limit = f"{name}, {'one by one' if group == 1 else f'groups of {group}'}"
        async with _counted(limit, processes, jobs) as record:
            for start in range(0, jobs, group):
                await write(client[DATABASE]["jobs"], documents[start : start + group])
        found.append(record)
    await client.close()
    return found


def _writes() -> dict[str, Write]:
    """Return the four writes of a job, as the repository makes them."""
    now = CLOCK.now()
    lease = Lease(owner="bench", token=new_token(), expires_at=now)
    claim = update_of(transition.claimed(lease, now))
    progress = {"$set": {"progress": {"step": "working", "percent": 50}, "updated_at": now}}
    end = Settlement(outcome=Outcome.COMPLETED, at=now, seq=2)
    settled = update_of(transition.settled(_job(), lease.token, end))

    async def insert(jobs: Jobs, group: Documents) -> None:
        await jobs.insert_many(group, ordered=False)

    async def claim_all(jobs: Jobs, group: Documents) -> None:
        ids = {"_id": {"$in": [one["_id"] for one in group]}}
        await jobs.update_many({**ids, "status": "pending"}, claim)
        await jobs.find({**ids, "lease.token": lease.token}).to_list()

    def each(change: dict[str, Any]) -> Write:
        async def update(jobs: Jobs, group: Documents) -> None:
            token = {"lease.token": lease.token}
            updates = [UpdateOne({"_id": one["_id"], **token}, change) for one in group]
            await jobs.bulk_write(updates, ordered=False)

        return update

    return {"insert": insert, "claim": claim_all, "progress": each(progress), "end": each(settled)}


async def _rabbitmq(servers: Servers, messages: int, flight: int) -> Record:
    processes = {"rabbitmq": [servers.broker.pid]} if servers.broker else {}
    connection = await aio_pika.connect(servers.amqp_url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        queue: dict[str, Any] = {"x-queue-type": "quorum"}
        await channel.declare_queue(f"limit-{flight}", durable=True, arguments=queue)
        message = aio_pika.Message(PAYLOAD, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        left = messages

        async def publish() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await channel.default_exchange.publish(message, f"limit-{flight}")

        limit = f"confirmed message, {flight} in flight"
        async with _counted(limit, processes, messages) as record:
            await asyncio.gather(*(publish() for _ in range(flight)))
    return record


@asynccontextmanager
async def _counted(limit: str, processes: cpu.Processes, count: int) -> AsyncIterator[Record]:
    """Yield a record that has its rate and its CPU at the end."""
    record: Record = {"limit": limit}
    before, own, started = cpu.cpu_sec(processes), time.process_time(), time.monotonic()
    yield record
    took = time.monotonic() - started
    used = cpu.since(before, cpu.cpu_sec(processes))
    record["per_sec"] = count / took
    record["cpu_ms"] = sum(used.values()) / count * 1000
    record["client_cpu_ms"] = (time.process_time() - own) / count * 1000


def _job() -> Job:
    now = CLOCK.now()
    return Job(
        job_id=new_job_id(),
        job_type="bench",
        owner="key-1",
        parameters={"text": "a" * 50},
        run_at=now,
        created_at=now,
        updated_at=now,
    )


def _document() -> dict[str, Any]:
    return to_document(_job())


def tables(found: Record) -> str:
    """Return the table of the results."""
    rows = [
        [
            str(limit),
            results.spread(records, "per_sec"),
            results.spread(records, "cpu_ms", digits=3),
            results.spread(records, "client_cpu_ms", digits=3),
        ]
        for (limit,), records in results.grouped(found["records"], "limit").items()
    ]
    return results.table(("limit", "a second", "server's CPU ms", "client's CPU ms"), rows)


def pictures(found: Record) -> dict[str, str]:
    """Return the pictures of the results by name."""
    groups = results.grouped(found["records"], "limit")
    rates = {str(limit): {"/s": results.median(of, "per_sec")} for (limit,), of in groups.items()}
    return {"ceilings": picture.bars("What the servers alone can do, a second", rates, unit="/s")}
