"""Faults in the middle of a batch claim: the worker dies before its read, or the primary fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from chaos.faults import Fault, Target
from chaos.injection.mongodb import (
    FAIL_COMMAND_LOCK,
    MONGO_LOCK,
    NODE_BACK_SEC,
    await_members,
    fail_point,
    without_majority,
)
from chaos.injection.scope import Scope
from chaos.injection.services import ServiceFaults, stopped
from chaos.system import DATABASE
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import PyMongoError

from secretary_devstack.processes.service import Service
from secretary_devstack.servers.mongod import Mongod

Jobs = MongoCollection[dict[str, Any]]

GATHER_SEC = 1.5
"""The workers are stopped for this long, so that several jobs wait: much less than a lease."""
SLOW_READ_MS = 400
"""Longer than a few looks at the jobs, and much shorter than the deadline of a read."""
CLAIM_WITHIN_SEC = 4.0
CHECK_SEC = 0.02
NO_CLAIM = "no batch claim came"


class BatchClaimFaults:
    """Injects the faults in the middle of a batch claim."""

    def __init__(self, scope: Scope, services: ServiceFaults) -> None:
        self._scope = scope
        self._services = services
        self._mongo = scope.system.mongo
        self._workers = scope.system.stack.workers

    def inject(self, fault: Fault) -> None:
        """Stop the workers until jobs wait; let them claim; hit the target; repair it.

        Raises:
            ChildFailed, NotInTime: a node or a service is not back in time.
        """
        names = [worker.name for worker in self._workers]
        kills_worker = fault.target is Target.WORKER
        lock = FAIL_COMMAND_LOCK if kills_worker else MONGO_LOCK
        hit = self._kill_worker if kills_worker else self._kill_primary
        with (
            self._scope.injecting(fault, NO_CLAIM, lock, *names) as injected,
            self._scope.without_store(),
        ):
            primary = self._mongo.primary(NODE_BACK_SEC)
            injected.victim = hit(primary, fault) or NO_CLAIM

    def _kill_worker(self, primary: Mongod, fault: Fault) -> str | None:
        with jobs_of(primary) as jobs, contextlib.ExitStack() as slow:
            before = known_tokens(jobs)
            with stopped(self._workers):
                time.sleep(GATHER_SEC)
                slow.enter_context(slow_reads(primary))
            owner = await_batch_claim(jobs, before)
            worker = next((one for one in self._workers if _is_of(one, owner)), None)
            if worker is None:
                return None
            self._services.kill(worker, fault)
            return worker.name

    def _kill_primary(self, primary: Mongod, fault: Fault) -> str | None:
        with jobs_of(primary) as jobs, contextlib.ExitStack() as locked:
            before = known_tokens(jobs)
            with stopped(self._workers):
                time.sleep(GATHER_SEC)
                locked.enter_context(without_majority(self._mongo))
            owner = await_batch_claim(jobs, before)
            primary.kill()
        time.sleep(fault.duration_sec)
        primary.start()
        await_members(self._mongo)
        return owner and primary.address


@contextlib.contextmanager
def jobs_of(node: Mongod, database: str = DATABASE) -> Iterator[Jobs]:
    """Yield the jobs of one node, as this node has them."""
    with node.client() as client:
        yield client[database]["jobs"]


@contextlib.contextmanager
def slow_reads(node: Mongod, milliseconds: int = SLOW_READ_MS) -> Iterator[None]:
    """Let each read of the services by ``find`` take longer inside the block."""
    data = {
        "failCommands": ["find"],
        "appName": "secretary",
        "blockConnection": True,
        "blockTimeMS": milliseconds,
    }
    with fail_point([node], data):
        yield


def shared_tokens(jobs: Jobs) -> dict[str, str]:
    """Return the tokens that several running jobs share, each with the owner of its leases."""
    found = jobs.aggregate(
        [
            {"$match": {"status": "processing"}},
            {
                "$group": {
                    "_id": "$lease.token",
                    "owner": {"$first": "$lease.owner"},
                    "jobs": {"$sum": 1},
                }
            },
            {"$match": {"jobs": {"$gt": 1}}},
        ]
    )
    return {one["_id"]: one["owner"] for one in found}


def known_tokens(jobs: Jobs) -> Collection[str]:
    """Return the tokens that several running jobs share, or none while the node is away."""
    with contextlib.suppress(PyMongoError):
        return shared_tokens(jobs).keys()
    return ()


def await_batch_claim(
    jobs: Jobs, before: Collection[str], timeout_sec: float = CLAIM_WITHIN_SEC
) -> str | None:
    """Return the owner of the next batch claim that is not in *before*; None if none comes."""
    end = time.monotonic() + timeout_sec
    while time.monotonic() < end:
        with contextlib.suppress(PyMongoError):  # another fault has hit this node
            for token, owner in shared_tokens(jobs).items():
                if token not in before:
                    return owner
        time.sleep(CHECK_SEC)
    return None


def _lines_with_owners(worker: Service) -> Sequence[str]:
    """Return the log lines with which the processes of *worker* named their owners."""
    return [line for line in worker.log.read_text().splitlines() if "worker.started" in line]


def _is_of(worker: Service, owner: str | None) -> bool:
    return owner is not None and any(owner in line for line in _lines_with_owners(worker))
