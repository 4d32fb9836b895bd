"""Faults of service processes: killed, drained, stopped, without descriptors, without disk."""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos.faults import Fault, FaultKind, Target
from chaos.injection.scope import Scope, chosen

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import Service, answers_ok

STOP_SEC = 30.0
"""A service must end this long after SIGTERM: it drains, and may hand jobs back in an outage."""
SPARE_DESCRIPTORS = 5
"""A service without descriptors can open up to so many more."""
READY_SEC = 600.0
"""MongoDB may be away for minutes, and a service is not ready without it."""
FILLER = "filler"
REPLACE_LOCK = "version"
PIECE = b"\0" * 65536


class ServiceFaults:
    """Injects the faults of services."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._events = scope.events

    def inject(self, fault: Fault) -> None:
        """Inject *fault* and repair it."""
        stack = self._scope.system.stack
        if fault.target is Target.ALL_WORKERS:
            self._freeze_all(fault, stack.workers)
            return
        services = {
            Target.WORKER: stack.workers,
            Target.API: stack.apis,
            Target.NOTIFIER: stack.notifiers,
        }
        if fault.kind is FaultKind.REPLACE:
            self._replace(fault, services.get(fault.target, []))
            return
        service = chosen(services[fault.target], fault)
        if fault.kind is FaultKind.NO_DISK:
            service = stack.workers[0]  # it alone has a small disk
        with self._scope.injecting(fault, service.name, service.name):
            actions = {
                FaultKind.KILL: self.kill,
                FaultKind.DRAIN: self._drain,
                FaultKind.FREEZE: self._freeze,
                FaultKind.NO_DESCRIPTORS: self._exhaust_descriptors,
                FaultKind.NO_DISK: self._fill_disk,
            }
            actions[fault.kind](service, fault)

    def kill(self, service: Service, fault: Fault) -> None:
        """Kill *service* and start it again after the duration of *fault*."""
        self._events.process_ended(service, "killed")
        service.kill()
        self._restart(service, fault.duration_sec)

    def restart_if_ended(self, service: Service) -> None:
        """Start *service* again if its process has ended by itself."""
        if service.running:
            return
        self._events.process_ended(service, "by itself")
        service.launch()
        self._events.process_started(service)

    def _drain(self, service: Service, fault: Fault) -> None:
        self._events.process_ended(service, "drained")
        if not service.stop(STOP_SEC):
            self._events.problems.append(f"{service.name} did not stop within {STOP_SEC:g} s")
        self._restart(service, fault.duration_sec)

    def _replace(self, fault: Fault, services: Sequence[Service]) -> None:
        """Give *services* the version of *fault*, one after the other, as a rolling update does."""
        system = self._scope.system
        scripts = system.other_version if fault.variant else None
        victim = "the other version" if fault.variant else "this version"
        with self._scope.injecting(fault, victim, REPLACE_LOCK):
            if fault.target is Target.SCHEMA:
                system.stack.initialise(scripts or Path(sys.executable).parent)
            for service in services:
                with self._scope.lock(service.name):
                    service.scripts = scripts
                    self._drain(service, fault)
                    self._await_ready(service)

    def _restart(self, service: Service, down_sec: float) -> None:
        time.sleep(down_sec)
        service.launch()
        self._events.process_started(service)

    def _freeze(self, service: Service, fault: Fault) -> None:
        with self._unavailable([service]), stopped([service]):
            time.sleep(fault.duration_sec)

    def _freeze_all(self, fault: Fault, workers: Sequence[Service]) -> None:
        names = [worker.name for worker in workers]
        with (
            self._scope.injecting(fault, ", ".join(names), *names),
            self._unavailable(workers),
            stopped(workers),
        ):
            time.sleep(fault.duration_sec)

    def _exhaust_descriptors(self, service: Service, fault: Fault) -> None:
        self._await_ready(service)
        spare = int(fault.choice * 100) % SPARE_DESCRIPTORS
        with self._unavailable([service]), few_descriptors(service.child.pid, spare):
            time.sleep(fault.duration_sec)

    def _fill_disk(self, service: Service, fault: Fault) -> None:
        with self._unavailable([service]), full(self._scope.system.small_disk):
            time.sleep(fault.duration_sec)

    def _await_ready(self, service: Service) -> None:
        """Return when *service* works: one that cannot even start is another case."""

        def ready() -> bool:
            self.restart_if_ended(service)
            return answers_ok(service.port, "/health/ready")

        wait_until(ready, timeout_sec=READY_SEC, what=service.name)

    @contextlib.contextmanager
    def _unavailable(self, services: Sequence[Service]) -> Iterator[None]:
        began = time.time()
        try:
            yield
        finally:
            for service in services:
                self._events.worker_was_unavailable(service, began)


@contextlib.contextmanager
def stopped(services: Sequence[Service]) -> Iterator[None]:
    """Stop processes with SIGSTOP inside the block, as a moved machine or a closed laptop does."""
    for service in services:
        service.child.send(signal.SIGSTOP)
    try:
        yield
    finally:
        for service in services:
            service.child.send(signal.SIGCONT)


@contextlib.contextmanager
def few_descriptors(pid: int, spare: int) -> Iterator[None]:
    """Let a process open only *spare* more descriptors inside the block."""
    try:
        opened = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit_for(opened, spare), before[1]))
    except (ProcessLookupError, FileNotFoundError):  # a job has just ended this worker
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def limit_for(opened: set[int], spare: int) -> int:
    """Return the limit under which a process with the descriptors *opened* can open *spare* more.

    A new descriptor gets the lowest free number, and the limit is above all numbers that may be
    used. Descriptors above the limit stay open.
    """
    limit = 0
    while spare >= 0:
        spare -= limit not in opened
        limit += 1
    return limit - 1


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the disk of *folder* to its last byte inside the block."""
    filler = folder / FILLER
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(PIECE):
                pass
        yield
    finally:
        filler.unlink(missing_ok=True)
