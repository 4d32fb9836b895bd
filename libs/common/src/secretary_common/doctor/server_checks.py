"""Checks of MongoDB, of RabbitMQ and of disks."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from secretary_common.broker import topology
from secretary_common.broker.inspection import BrokerFault, inspect
from secretary_common.doctor.finding import Finding, fault, hint, ok
from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.replica_set import LoginRefused, ServerFacts, facts_of, named_set
from secretary_common.settings.service import BrokerSection

OLDEST_MONGODB = (6, 0)
LARGEST_SKEW_SEC = 5.0
LEAST_FREE_BYTES = 1e9
LEAST_FREE_SHARE = 0.05
_BROKER = {
    BrokerFault.UNREACHABLE: "start RabbitMQ, or correct broker.url; until then services poll",
    BrokerFault.REFUSED: "correct the user, the password and the virtual host in broker.url",
    BrokerFault.NO_PERMISSION: "rabbitmqctl set_permissions USER '.*' '.*' '.*'",
    BrokerFault.OTHER_ARGUMENTS: "delete the queue while the services are stopped; jobs stay",
}


def system_time() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


async def check_mongodb(
    url: str,
    *,
    now: Callable[[], datetime] = system_time,
    oldest: tuple[int, int] = OLDEST_MONGODB,
) -> list[Finding]:
    """Check that MongoDB answers, is a replica set, is new enough, and has the same time."""
    try:
        facts = await asyncio.to_thread(facts_of, url)
    except LoginRefused as error:
        return [fault("mongo.refused", error.message, "correct the user or password in mongo.url")]
    except StoreUnavailable as error:
        return [fault("mongo.unreachable", error.message, "start MongoDB, or correct mongo.url")]
    found = [
        *_version_faults(facts, oldest),
        *_replica_set_faults(facts, url),
        *_clock_faults(facts, now()),
    ]
    version = _dotted(facts.version)
    return found or [ok("mongo", f"MongoDB {version}, replica set {facts.replica_set}")]


def _version_faults(facts: ServerFacts, oldest: tuple[int, int]) -> list[Finding]:
    if facts.version >= oldest:
        return []
    version, needed = _dotted(facts.version), _dotted(oldest)
    message = f"MongoDB has the version {version}; {needed} is the oldest that works"
    return [fault("mongo.old", message, f"upgrade MongoDB to {needed} or later")]


def _replica_set_faults(facts: ServerFacts, url: str) -> list[Finding]:
    if facts.replica_set is None:
        message = "MongoDB is no replica set, so there are no transactions"
        remedy = "start mongod --replSet rs0; secretary-init"
        return [fault("mongo.not_a_replica_set", message, remedy)]
    named = named_set(url)
    if named in (None, facts.replica_set):
        return []
    message = f"mongo.url names the replica set {named}; this server is in {facts.replica_set}"
    return [fault("mongo.other_replica_set", message, "correct replicaSet in mongo.url")]


def _clock_faults(facts: ServerFacts, now: datetime) -> list[Finding]:
    skew = _skew_sec(facts, now)
    if abs(skew) <= LARGEST_SKEW_SEC:
        return []
    message = f"the clocks of this machine and of MongoDB differ by {skew:+.1f} s"
    return [fault("clock.skew", message, "run a time service (chrony) on both machines")]


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def _skew_sec(facts: ServerFacts, now: datetime) -> float:
    """Return how far this machine is ahead of MongoDB."""
    return (now - facts.time).total_seconds() - (time.monotonic() - facts.at)


async def check_broker(broker: BrokerSection, job_types: Iterable[str]) -> list[Finding]:
    """Check that the broker lets the services ring and listen."""
    url = broker.url.get_secret_value()
    if not url:
        remedy = "set broker.url if jobs shall start at once"
        return [hint("broker.none", "there is no broker, so the services poll", remedy)]
    queues = topology.all_queues(job_types)
    refused = await inspect(url, queues, broker.queue_type)
    found: dict[BrokerFault, Finding] = {}
    for kind, words in refused:  # one line for each kind: all queues often have the same fault
        found.setdefault(kind, fault(f"broker.{kind}", words, _BROKER[kind]))
    return list(found.values()) or [ok("broker", f"RabbitMQ answers; {len(queues)} queues")]


def check_disk(
    room: tuple[float, float] | None,
    where: str,
    remedy: str,
    *,
    least_bytes: float = LEAST_FREE_BYTES,
) -> list[Finding]:
    """Check the free space and the size of a disk, in bytes; None: they are unknown."""
    if room is None:
        return []
    free, size = room
    if free < least_bytes or free < LEAST_FREE_SHARE * size:
        message = f"{where} has {free / 1e9:.2f} GB free of {size / 1e9:.0f} GB"
        return [fault("disk.full", message, remedy)]
    return [ok("disk", f"{where} has {free / 1e9:.0f} GB free")]


def room_here(folder: Path | None = None) -> tuple[float, float]:
    """Return the free space and the size of the disk with *folder*, by default temporary files."""
    usage = shutil.disk_usage(folder or tempfile.gettempdir())
    return usage.free, usage.total
