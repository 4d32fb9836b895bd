"""What was struck when, and which process lived from when to when."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from secretary_devstack.processes.service import Service


@dataclass(slots=True)
class Incident:
    """One fault as it happened."""

    what: str
    victim: str
    began_at: float
    ended_at: float = 0.0


@dataclass(slots=True)
class Life:
    """One process of a service."""

    service: str
    pid: int
    began_at: float
    ended_at: float | None = None
    """From here on it takes no work: killed, or told to stop."""
    end: str = ""
    """How it ended: ``killed``, ``drained`` or ``by itself``."""


@dataclass(frozen=True, slots=True)
class Absence:
    """A worker lived but could not work: frozen, or cut off from MongoDB."""

    service: str
    began_at: float
    ended_at: float


@dataclass(slots=True)
class Diary:
    """Written by several threads."""

    incidents: list[Incident] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What a service should not have done, in words."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def born(self, service: Service, at: float | None = None) -> None:
        """A process of *service* was launched, by default now."""
        began_at = time.time() if at is None else at
        with self._lock:
            self.lives.append(Life(service.name, service.child.pid, began_at))

    def died(self, service: Service, end: str) -> None:
        """It takes no more work from now on."""
        now = time.time()
        with self._lock:
            for life in self.lives:
                if life.service == service.name and life.ended_at is None:
                    life.ended_at, life.end = now, end

    def absent(self, service: Service, began_at: float) -> None:
        """It could not work from *began_at* until now."""
        with self._lock:
            self.absences.append(Absence(service.name, began_at, time.time()))

    def begun(self, what: str, victim: str) -> Incident:
        """A fault strikes now; set its end when it is over."""
        incident = Incident(what, victim, time.time())
        with self._lock:
            self.incidents.append(incident)
        return incident
