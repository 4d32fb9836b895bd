"""Records the injected faults, and when each process ran."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from chaos.ledger.interval import Interval
from chaos.oddity import OddDocument

from secretary_devstack.processes.service import Service


@dataclass(slots=True)
class InjectedFault:
    """One fault that was injected."""

    what: str
    victim: str
    began_at: float
    ended_at: float = 0.0


@dataclass(slots=True)
class ProcessLifetime:
    """One process of a service."""

    service: str
    pid: int
    began_at: float
    ended_at: float | None = None
    """From this time on it takes no work: it was killed or got SIGTERM."""
    end: str = ""
    """How it ended: ``killed``, ``drained`` or ``by itself``."""


@dataclass(frozen=True, slots=True)
class Unavailability:
    """A process ran but could not work: it was frozen, unfit or cut off from MongoDB."""

    service: str
    began_at: float
    ended_at: float


@dataclass(slots=True)
class EventLog:
    """The events of one experiment; several threads write to it."""

    faults: list[InjectedFault] = field(default_factory=list)
    lifetimes: list[ProcessLifetime] = field(default_factory=list)
    unavailable: list[Unavailability] = field(default_factory=list)
    store_outages: list[Interval] = field(default_factory=list)
    """When faults kept services from MongoDB, whether or not the cluster probe noticed."""
    odd_documents: list[OddDocument] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Errors of services, in words."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def process_started(self, service: Service, at: float | None = None) -> None:
        """Record that a process of *service* was launched at the time *at*, by default now."""
        began_at = time.time() if at is None else at
        with self._lock:
            self.lifetimes.append(ProcessLifetime(service.name, service.child.pid, began_at))

    def process_ended(self, service: Service, end: str) -> None:
        """Record that the process of *service* takes no more work from now on."""
        now = time.time()
        with self._lock:
            for lifetime in self.lifetimes:
                if lifetime.service == service.name and lifetime.ended_at is None:
                    lifetime.ended_at, lifetime.end = now, end

    def worker_was_unavailable(self, service: Service, began_at: float) -> None:
        """Record that *service* could not work from *began_at* until now."""
        with self._lock:
            self.unavailable.append(Unavailability(service.name, began_at, time.time()))

    def store_was_unavailable(self, began_at: float) -> None:
        """Record that services could not use MongoDB from *began_at* until now."""
        with self._lock:
            self.store_outages.append(Interval(began_at, time.time()))

    def fault_began(self, what: str, victim: str) -> InjectedFault:
        """Record that a fault begins now; the caller sets its end."""
        injected = InjectedFault(what, victim, time.time())
        with self._lock:
            self.faults.append(injected)
        return injected
