"""One seed: start the system, submit jobs, inject faults, wait for all ends, check the promise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from chaos import evidence_reader, history
from chaos.client import Clients
from chaos.cluster_probe import ClusterProbe
from chaos.event_log import EventLog
from chaos.faults import Fault, Form, draw_faults, shortages_of
from chaos.history import History
from chaos.injection.fault_injector import FaultInjector
from chaos.ledger.evidence import Evidence
from chaos.ledger.interval import Interval, without
from chaos.ledger.recovery import (
    HeldLease,
    WorkerProcess,
    WorkerSettings,
    claimable_times,
    leases_of,
    recoveries,
)
from chaos.ledger.starts import Flood, backlogs, most_at_once, starts, without_jobs
from chaos.ledger.verdict import Verdict, judge
from chaos.plan import BYSTANDER, FEATURES, HOSTILE, KEYS, draw_flood, draw_submissions
from chaos.system import (
    DATABASE,
    HEARTBEAT_SEC,
    LEASE_SEC,
    LIMITS,
    POLL_SEC,
    SLOTS,
    System,
    running,
)
from pymongo import MongoClient

from secretary_devstack.servers.receiver import ReceiverAnswer

Client = MongoClient[dict[str, Any]]

RECOVERY_BOUND_SEC = LEASE_SEC + POLL_SEC + 2
FEW_JOBS = 2
"""If more jobs of the ordinary clients wait, a job of the bystander takes turns with them."""
FLOOD_JOBS = 80
ANSWER_SEC = 120.0
"""After the last fault, every client must get an answer within this time."""
MIXED_ANSWERS = 400
"""How many webhooks the receiver answers from ``ANSWERS``; it accepts all later ones."""
ANSWERS = [ReceiverAnswer()] * 75 + [
    *[ReceiverAnswer(500)] * 10,
    *[ReceiverAnswer(503, {"Retry-After": "1"})] * 5,
    *[ReceiverAnswer(reset=True)] * 5,
    *[ReceiverAnswer(delay_sec=1.0)] * 4,
    ReceiverAnswer(delay_sec=5.0),  # longer than the notifier's timeout
]


@dataclass(frozen=True, slots=True)
class Size:
    """The size of an experiment."""

    jobs: int
    seconds: float
    """How long jobs are submitted and faults injected."""
    is_long: bool = False
    """Whether outages have the length that they have in the field, such as four minutes."""
    without: Sequence[str] = ()
    """Texts; faults with one of them in their name are left out."""
    flood_jobs: int = FLOOD_JOBS
    """The jobs of the hostile key; without them there is no bystander either."""


class Experiment:
    """The experiment of one *seed*, with all its files in *folder*."""

    def __init__(
        self,
        seed: int,
        size: Size,
        folder: Path,
        *,
        faults: Sequence[Fault] | None = None,
        brokers: int = 1,
        other_version: Path | None = None,
    ) -> None:
        """Plan it.

        Args:
            seed: decides on the jobs, and on the faults if there are no others.
            size: its size.
            folder: keeps all files.
            faults: the faults to inject; None: those of the seed.
            brokers: the nodes of RabbitMQ.
            other_version: the console scripts of the version with which all services start.
        """
        self._seed = seed
        self._size = size
        self._folder = folder
        self._brokers = brokers
        self._other_version = other_version
        form = Form(size.seconds, LEASE_SEC, size.is_long)
        drawn = draw_faults(seed, form, without=size.without) if faults is None else faults
        self._faults = list(drawn)
        self._submissions = draw_submissions(
            seed,
            jobs=size.jobs,
            seconds=size.seconds * 0.95,
            lease_sec=LEASE_SEC,
            features=FEATURES,
            shortages=shortages_of(self._faults),
        )
        if size.flood_jobs:
            self._submissions += draw_flood(
                seed, first=size.jobs, jobs=size.flood_jobs, seconds=size.seconds * 0.95
            )
        self._submissions.sort(key=lambda each: each.at)
        self._took: dict[str, float] = {}

    @property
    def timing(self) -> str:
        """The count of faults, and how long each step took, in one line."""
        parts = ", ".join(f"{name} {seconds:.0f}" for name, seconds in self._took.items())
        total = sum(self._took.values())
        return f"{len(self._faults)} faults | {total:.0f} s ({parts})"

    def run(self) -> Verdict:
        """Run it once; return its verdict.

        Raises:
            ChildFailed, NotInTime, ServerMissing: a server did not start.
            PromiseBroken: a service has connections that bypass the proxies.
        """
        with ExitStack() as on:
            with self._timed("start"):
                system = on.enter_context(
                    running(self._folder, brokers=self._brokers, other_version=self._other_version)
                )
            client: Client = on.enter_context(MongoClient(system.mongo.url, tz_aware=True))
            return self._run(system, client)

    def _run(self, system: System, client: Client) -> Verdict:
        since, log = history.now_in(client, DATABASE), system.execution_log
        system.receiver.answer_next(Random(self._seed).choices(ANSWERS, k=MIXED_ANSWERS))
        clients = self._clients(system)
        injector = FaultInjector(system)
        probe = ClusterProbe(system.mongo.url, DATABASE)
        with probe.running(), injector.supervised():
            with self._timed("faults"):
                self._submit_and_inject(injector, clients)
            with self._timed("ends"):
                evidence_reader.await_ends(client, injector.events.odd_documents)
            with self._timed("listening"):
                problems = evidence_reader.await_listening(system.stack.workers)
        with self._timed("verdict"):
            evidence = evidence_reader.read_evidence(
                system,
                client,
                features=FEATURES,
                submissions=self._submissions,
                answers=clients.answers,
                since=since,
                problems=[
                    *problems,
                    *evidence_reader.crashes_of(injector.events, log),
                    *evidence_reader.flooded_logs(system.stack.services),
                ],
                odd=injector.events.odd_documents,
            )
            leases = leases_of(evidence.history)
            processes = evidence_reader.worker_processes(system.stack.workers, injector.events, log)
            times: dict[str, Any] = {
                "outages": [*probe.outages, *injector.events.store_outages],
                "unavailable": evidence_reader.unavailable_times(injector.events),
                "settings": WorkerSettings(SLOTS, HEARTBEAT_SEC),
            }
            recovered = recoveries(leases, processes, **times)
            verdict = judge(
                evidence,
                recovered,
                RECOVERY_BOUND_SEC,
                flood=_flood(evidence, leases, processes, times) if self._size.flood_jobs else None,
            )
        self._save(injector.events, probe.outages, evidence.history, verdict)
        return verdict

    def _clients(self, system: System) -> Clients:
        return Clients(
            system.urls,
            system.keys,
            webhook_url=system.receiver.url(),
            give_up_after_sec=self._size.seconds + self._longest_fault_sec + ANSWER_SEC,
        )

    @property
    def _longest_fault_sec(self) -> float:
        return max((fault.duration_sec for fault in self._faults), default=0.0)

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._took[name] = time.monotonic() - started

    def _submit_and_inject(self, injector: FaultInjector, clients: Clients) -> None:
        """Run the clients and inject the faults; return when both are done."""
        with ThreadPoolExecutor(1, thread_name_prefix="clients") as executor:
            served = executor.submit(asyncio.run, clients.run(self._submissions))
            try:
                injector.inject_all(self._faults)
            except BaseException:
                clients.give_up()
                raise
            served.result()

    def _save(
        self, events: EventLog, outages: Sequence[Interval], histories: History, verdict: Verdict
    ) -> None:
        """Write what a developer needs to analyse a failure, in addition to the logs."""
        subjects = {one.subject for one in verdict.violations}
        subjects |= {one.job_id for one in verdict.slow}
        tables: dict[str, Sequence[Any]] = {
            "violations": [asdict(one) for one in verdict.violations],
            "slow-recoveries": [asdict(one) for one in verdict.slow],
            "recoveries": [asdict(one) for one in verdict.recoveries],
            "starts": [asdict(one) for one in verdict.flood.starts] if verdict.flood else [],
            "faults": [asdict(one) for one in events.faults],
            "outages": [asdict(one) for one in outages],
            "lifetimes": [asdict(one) for one in events.lifetimes],
            "histories": [
                {"job_id": job_id, **asdict(state)}
                for job_id in sorted(subjects & histories.keys())
                for state in histories[job_id]
            ],
        }
        for name, rows in tables.items():
            lines = [json.dumps(row, default=str) + "\n" for row in rows]
            (self._folder / f"{name}.jsonl").write_text("".join(lines))


def _flood(
    evidence: Evidence,
    leases: Sequence[HeldLease],
    processes: Sequence[WorkerProcess],
    times: dict[str, Any],
) -> Flood:
    """Return what the flood of the hostile key cost the bystander."""
    jobs = evidence.jobs_of(HOSTILE)
    ordinary = frozenset().union(*map(evidence.jobs_of, range(KEYS)))
    claimable = claimable_times(without_jobs(leases, jobs), processes, **times)
    busy = backlogs(evidence.history, ordinary, above=FEW_JOBS)
    return Flood(
        starts(evidence.history, evidence.jobs_of(BYSTANDER), without(claimable, busy)),
        most_at_once(leases, jobs),
        LIMITS["max_running"],
    )
