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
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

from harness import cpu, picture, results
from harness.receiver import Receivers
from harness.results import Record
from harness.turns import alone, new_folder, say
from harness.webhook_setup import SEQ, Setup, setup_on, warm_up

from secretary_common.models import delivery_id_of
from secretary_common.runtime.lifecycle import running
from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Servers

ORIGINS = 20
BESIDE = ORIGINS  # the number of the origin beside the stream, which answers or hangs
IDLE_EVENTS = 100
STREAM_SHARE = 0.5
STREAM_SEC = 10
ISOLATION_SHARE = 0.25
SLICES, SLICE_SEC = 6, 3
BACKLOG_BESIDE = 300
RELAY_SEC = 2  # long enough for the backlog to become deliveries


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
            made = setup_on(folder, started, receivers[name])
            cases[name], notifier = await stack.enter_async_context(made)
            await asyncio.to_thread(notifier.start)
            await warm_up(cases[name])
        return await isolation(cases, rate)


async def _rates(
    folder: Path, servers: Servers, receivers: Receivers, options: argparse.Namespace
) -> list[Record]:
    records = []
    async with setup_on(folder, servers, receivers) as (setup, notifier):
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
