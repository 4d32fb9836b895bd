"""What all injectors share: the system, the event log, and one lock for each target."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from chaos.event_log import EventLog
from chaos.faults import Fault
from chaos.system import System

from secretary_devstack.processes.service import Service


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
    def injecting(self, fault: Fault, victim: str, *locks: str) -> Iterator[None]:
        """Record the fault from the time at which all *locks* are held until the end."""
        with contextlib.ExitStack() as held:
            for name in sorted(locks):
                held.enter_context(self.lock(name))
            injected = self.events.fault_began(str(fault), victim)
            yield
            injected.ended_at = time.time()

    @contextlib.contextmanager
    def without_store(self) -> Iterator[None]:
        """Record that no service could use MongoDB inside the block."""
        began = time.time()
        try:
            yield
        finally:
            self.events.store_was_unavailable(began)


def chosen(services: Sequence[Service], fault: Fault) -> Service:
    """Return the service that the fault selects."""
    return services[int(fault.choice * len(services))]
