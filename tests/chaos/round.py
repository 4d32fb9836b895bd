"""One seed: everything comes up, is used and struck, comes to rest, and is judged."""

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

from chaos import fault, gather, history, plan
from chaos.adversary import Adversary
from chaos.canary import Canary
from chaos.client import Clients
from chaos.diary import Diary
from chaos.feature import FEATURES
from chaos.history import History
from chaos.interval import Interval
from chaos.ledger import Verdict, judge
from chaos.recovery import Terms, holds_of, recoveries
from chaos.system import DATABASE, HEARTBEAT_SEC, LEASE_SEC, POLL_SEC, SLOTS, System, running
from pymongo import MongoClient

from secretary_devstack.servers.receiver import Answer

Client = MongoClient[dict[str, Any]]

RECOVERY_BOUND_SEC = LEASE_SEC + POLL_SEC + 2
PATIENCE_SEC = 120.0
"""After the last fault; by then a client must have had its answer."""
ILL_TEMPERED = 400
"""The receiver answers this many requests by its temper, all later ones well."""
TEMPER = [Answer()] * 75 + [
    *[Answer(500)] * 10,
    *[Answer(503, {"Retry-After": "1"})] * 5,
    *[Answer(reset=True)] * 5,
    *[Answer(delay_sec=1.0)] * 4,
    Answer(delay_sec=5.0),  # longer than the notifier waits
]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in a round."""

    jobs: int
    seconds: float
    """How long jobs are submitted and faults strike."""


class Round:
    """A round of *seed*, with all its files in *folder*."""

    def __init__(self, seed: int, size: Size, folder: Path) -> None:
        self._seed = seed
        self._size = size
        self._folder = folder
        self._submissions = plan.draw(
            seed,
            jobs=size.jobs,
            seconds=size.seconds * 0.95,
            lease_sec=LEASE_SEC,
            features=FEATURES,
        )
        self._faults = fault.draw(seed, seconds=size.seconds, lease_sec=LEASE_SEC)
        self._took: dict[str, float] = {}

    @property
    def course(self) -> str:
        """How the round went: its faults, and how long each part of it took."""
        parts = ", ".join(f"{name} {seconds:.0f}" for name, seconds in self._took.items())
        total = sum(self._took.values())
        return f"{len(self._faults)} faults | {total:.0f} s ({parts})"

    def play(self) -> Verdict:
        """Play it.

        Raises:
            ChildFailed, NotInTime, ServerMissing: a server did not start, or did not come back.
            PromiseBroken: the proxies are not where they should be.
        """
        with ExitStack() as on:
            with self._timed("start"):
                system = on.enter_context(running(self._folder))
            client: Client = on.enter_context(MongoClient(system.mongo.url, tz_aware=True))
            return self._play(system, client)

    def _play(self, system: System, client: Client) -> Verdict:
        since = history.now_in(client, DATABASE)
        system.receiver.answer_next(Random(self._seed).choices(TEMPER, k=ILL_TEMPERED))
        clients = self._clients(system)
        adversary = Adversary(system)
        canary = Canary(system.mongo.url, DATABASE)
        with canary.singing(), adversary.supervised():
            with self._timed("faults"):
                self._struck(adversary, clients)
            with self._timed("rest"):
                gather.await_rest(client)
            with self._timed("listening"):
                problems = gather.await_listening(system.stack.workers)
        with self._timed("judgement"):
            evidence = gather.evidence_of(
                system,
                client,
                features=FEATURES,
                submissions=self._submissions,
                told=clients.told,
                since=since,
                problems=[*problems, *gather.crashes_of(adversary.diary, system.record)],
            )
            recovered = recoveries(
                holds_of(evidence.history),
                gather.boots_of(system.stack.workers, adversary.diary, system.record),
                outages=canary.silences,
                absences=gather.absences_of(adversary.diary),
                terms=Terms(SLOTS, HEARTBEAT_SEC),
            )
            verdict = judge(evidence, recovered, RECOVERY_BOUND_SEC)
        self._write_down(adversary.diary, canary.silences, evidence.history, verdict)
        return verdict

    def _clients(self, system: System) -> Clients:
        return Clients(
            system.urls,
            system.keys,
            hook=system.receiver.url(),
            features=FEATURES,
            patience_sec=self._size.seconds + PATIENCE_SEC,
        )

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._took[name] = time.monotonic() - started

    def _struck(self, adversary: Adversary, clients: Clients) -> None:
        """Clients work while the faults strike; return when both are through."""
        with ThreadPoolExecutor(1, thread_name_prefix="clients") as executor:
            served = executor.submit(asyncio.run, clients.run(self._submissions))
            try:
                adversary.strike_all(self._faults)
            except BaseException:
                clients.give_up()
                raise
            served.result()

    def _write_down(
        self, diary: Diary, outages: Sequence[Interval], told: History, verdict: Verdict
    ) -> None:
        """What somebody who looks into a failure needs beside the logs."""
        subjects = {one.subject for one in verdict.violations}
        subjects |= {one.job_id for one in verdict.slow}
        tables: dict[str, Sequence[Any]] = {
            "violations": [asdict(one) for one in verdict.violations],
            "slow-recoveries": [asdict(one) for one in verdict.slow],
            "recoveries": [asdict(one) for one in verdict.recoveries],
            "faults": [asdict(one) for one in diary.incidents],
            "outages": [asdict(one) for one in outages],
            "lives": [asdict(one) for one in diary.lives],
            "histories": [
                {"job_id": job_id, **asdict(moment)}
                for job_id in sorted(subjects & told.keys())
                for moment in told[job_id]
            ],
        }
        for name, rows in tables.items():
            lines = [json.dumps(row, default=str) + "\n" for row in rows]
            (self._folder / f"{name}.jsonl").write_text("".join(lines))
