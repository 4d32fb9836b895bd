"""Injects the faults at their times, one at a time on each target, and repairs what they broke."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from chaos.event_log import EventLog
from chaos.faults import Fault, FaultKind, Target
from chaos.injection.batch_claims import BatchClaimFaults
from chaos.injection.broker import BrokerFaults
from chaos.injection.links import LinkFaults
from chaos.injection.mongodb import MongoFaults
from chaos.injection.odd_documents import OddDocuments
from chaos.injection.scope import Scope
from chaos.injection.services import ServiceFaults
from chaos.system import System

MAX_PARALLEL = 64
"""More than faults that wait for the end of another fault of their target."""
SUPERVISE_SEC = 0.2


class FaultInjector:
    """Injects faults into a running system; ``supervised`` restarts services that ended."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._scope = Scope(system)
        self._stopping = threading.Event()
        self._services = ServiceFaults(self._scope)
        mongo, odd = MongoFaults(self._scope), OddDocuments(self._scope)
        links, services = LinkFaults(self._scope), self._services
        self._batch_claims = BatchClaimFaults(self._scope, services)
        self._injectors: dict[Target, Callable[[Fault], None]] = {
            Target.WORKER: services.inject,
            Target.ALL_WORKERS: services.inject,
            Target.API: services.inject,
            Target.NOTIFIER: services.inject,
            Target.SCHEMA: services.inject,
            Target.BROKER: BrokerFaults(self._scope).inject,
            Target.BROKER_NODE: BrokerFaults(self._scope).inject,
            Target.MONGO_NODE: mongo.inject,
            Target.PRIMARY: mongo.inject,
            Target.SECONDARY: mongo.inject,
            Target.SECONDARIES: mongo.inject,
            Target.MONGODB: mongo.inject,
            Target.BROKER_LINK: links.inject,
            Target.MONGO_LINK: links.inject,
            Target.JOBS: odd.inject,
            Target.DELIVERIES: odd.inject,
        }
        for service in system.stack.services:
            self.events.process_started(service, at=0.0)

    @property
    def events(self) -> EventLog:
        """What was injected, and when each process ran."""
        return self._scope.events

    def inject_all(self, faults: Sequence[Fault]) -> None:
        """Inject each fault at its time; return when all are repaired.

        Raises:
            ChildFailed, NotInTime: a server did not start again.
        """
        started = time.monotonic()
        with ThreadPoolExecutor(MAX_PARALLEL) as executor:
            injections: list[Future[None]] = []
            for fault in faults:
                time.sleep(max(0.0, started + fault.at_sec - time.monotonic()))
                injections.append(executor.submit(self._injector_of(fault), fault))
            for injection in injections:
                injection.result()
        self._system.network.resume()

    def _injector_of(self, fault: Fault) -> Callable[[Fault], None]:
        if fault.kind is FaultKind.CUT_CLAIM:
            return self._batch_claims.inject
        return self._injectors[fault.target]

    @contextlib.contextmanager
    def supervised(self) -> Iterator[None]:
        """Restart services that end by themselves inside the block, as a supervisor does."""
        thread = threading.Thread(target=self._supervise, name="supervisor")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _supervise(self) -> None:
        while not self._stopping.wait(SUPERVISE_SEC):
            for service in self._system.stack.services:
                lock = self._scope.lock(service.name)
                if lock.acquire(blocking=False):
                    try:
                        self._services.restart_if_ended(service)
                    finally:
                        lock.release()
