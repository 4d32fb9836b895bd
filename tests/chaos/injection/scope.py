"""What all injectors share: the system, the event log, and one lock for each target."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from chaos.event_log import EventLog, InjectedFault
from chaos.faults import Fault
from chaos.system import System

from secretary_devstack.processes.service import Service

ACQUIRE_SEC = 0.02


class Scope:
    """The scope of one experiment; several threads use it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.events = EventLog()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def lock(self, target: str) -> threading.Lock:
        """Return the lock of a target; one fault at a time holds it."""
        return self._locks[target]

    @contextlib.contextmanager
    def injecting(self, fault: Fault, victim: str, *locks: str) -> Iterator[InjectedFault]:
        """Record the fault from the time at which all *locks* are held until the end."""
        with self._held(locks):
            injected = self.events.fault_began(str(fault), victim)
            yield injected
            injected.ended_at = time.time()

    @contextlib.contextmanager
    def _held(self, names: Sequence[str]) -> Iterator[None]:
        """Hold all locks, or none: a target whose lock is held is not restarted."""
        locks = [self.lock(name) for name in names]
        while not _all_acquired(locks):
            time.sleep(ACQUIRE_SEC)
        try:
            yield
        finally:
            for lock in locks:
                lock.release()

    @contextlib.contextmanager
    def without_store(self) -> Iterator[None]:
        """Record that no service could use MongoDB inside the block."""
        began = time.time()
        try:
            yield
        finally:
            self.events.store_was_unavailable(began)


def _all_acquired(locks: Sequence[threading.Lock]) -> bool:
    for number, lock in enumerate(locks):
        if not lock.acquire(blocking=False):
            for earlier in locks[:number]:
                earlier.release()
            return False
    return True


def chosen(services: Sequence[Service], fault: Fault) -> Service:
    """Return the service that the fault selects."""
    return services[int(fault.choice * len(services))]
