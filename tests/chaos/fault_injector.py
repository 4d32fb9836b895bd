"""Injects the faults, one at a time on each target, and repairs what they broke."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from chaos.event_log import EventLog
from chaos.faults import Fault, FaultKind, Target
from chaos.system import System, links_of
from pymongo.errors import PyMongoError

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import Service
from secretary_devstack.servers.mongod import Mongod, hello
from secretary_devstack.servers.proxy import ConnectionFilter, Proxy

MAX_PARALLEL = 12
STOP_SEC = 30.0
"""A service must end this long after SIGTERM: it drains, and may hand jobs back in an outage."""
NODE_BACK_SEC = 60.0
SUPERVISE_SEC = 0.2


class FaultInjector:
    """Injects faults into a running system; ``supervised`` restarts services that ended."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._stopping = threading.Event()
        self.events = EventLog()
        for service in system.stack.services:
            self.events.process_started(service, at=0.0)

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
                injections.append(executor.submit(self._inject, fault))
            for injection in injections:
                injection.result()
        self._system.network.resume()

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

    def _inject(self, fault: Fault) -> None:
        match fault.target:
            case Target.WORKER | Target.API | Target.NOTIFIER:
                self._inject_service(fault)
            case Target.BROKER:
                self._inject_broker(fault)
            case Target.PRIMARY | Target.SECONDARY:
                self._inject_node(fault)
            case Target.BROKER_LINK:
                self._inject_broker_link(fault)
            case Target.MONGO_LINK:
                self._inject_mongo_link(fault)

    @contextlib.contextmanager
    def _injecting(self, lock: str, fault: Fault, victim: str) -> Iterator[None]:
        with self._locks[lock]:
            injected = self.events.fault_began(str(fault), victim)
            yield
            injected.ended_at = time.time()

    def _inject_service(self, fault: Fault) -> None:
        stack = self._system.stack
        services = {
            Target.WORKER: stack.workers,
            Target.API: stack.apis,
            Target.NOTIFIER: stack.notifiers,
        }
        service = _chosen(services[fault.target], fault)
        with self._injecting(service.name, fault, service.name):
            actions = {
                FaultKind.KILL: self._kill,
                FaultKind.DRAIN: self._drain,
                FaultKind.FREEZE: self._freeze,
            }
            actions[fault.kind](service, fault.duration_sec)

    def _kill(self, service: Service, down_sec: float) -> None:
        self.events.process_ended(service, "killed")
        service.kill()
        self._restart(service, down_sec)

    def _drain(self, service: Service, down_sec: float) -> None:
        self.events.process_ended(service, "drained")
        if not service.stop(STOP_SEC):
            self.events.problems.append(f"{service.name} did not stop within {STOP_SEC:g} s")
        self._restart(service, down_sec)

    def _freeze(self, service: Service, seconds: float) -> None:
        began = time.time()
        service.child.send(signal.SIGSTOP)
        time.sleep(seconds)
        service.child.send(signal.SIGCONT)
        self.events.worker_was_unavailable(service, began)

    def _restart(self, service: Service, down_sec: float) -> None:
        time.sleep(down_sec)
        service.launch()
        self.events.process_started(service)

    def _inject_broker(self, fault: Fault) -> None:
        broker = self._system.broker
        with self._injecting("broker", fault, "rabbitmq"):
            broker.kill() if fault.kind is FaultKind.KILL else broker.stop()
            time.sleep(fault.duration_sec)
            broker.start()

    def _inject_node(self, fault: Fault) -> None:
        with self._locks["mongo"]:
            node = self._node(fault.target)
            injected = self.events.fault_began(str(fault), node.address)
            if fault.kind is FaultKind.STEP_DOWN:
                with contextlib.suppress(PyMongoError):  # it may refuse: no secondary has caught up
                    self._system.mongo.step_down(max(2, round(fault.duration_sec)))
            else:
                node.kill()
                time.sleep(fault.duration_sec)
                node.start()
            _await_member(node)
            injected.ended_at = time.time()

    def _node(self, target: Target) -> Mongod:
        mongo = self._system.mongo
        primary = mongo.primary(NODE_BACK_SEC)
        if target is Target.PRIMARY:
            return primary
        return next(node for node in mongo.nodes if node is not primary)

    def _inject_broker_link(self, fault: Fault) -> None:
        service = _chosen(self._system.stack.services, fault)
        proxy = self._system.broker_proxies[service.name]
        with self._injecting(f"broker link of {service.name}", fault, service.name):
            _disturb([proxy], fault, lambda _port: True)

    def _inject_mongo_link(self, fault: Fault) -> None:
        # Workers are chosen more often, because they hold the leases.
        stack = self._system.stack
        service = _chosen([*stack.workers, *stack.services], fault)
        with self._injecting("mongo links", fault, service.name):
            began = time.time()
            _disturb(self._system.mongo_proxies, fault, links_of(service))
            self.events.worker_was_unavailable(service, began)

    def _supervise(self) -> None:
        while not self._stopping.wait(SUPERVISE_SEC):
            for service in self._system.stack.services:
                lock = self._locks[service.name]
                if lock.acquire(blocking=False):
                    try:
                        self._restart_if_ended(service)
                    finally:
                        lock.release()

    def _restart_if_ended(self, service: Service) -> None:
        if service.running:
            return
        self.events.process_ended(service, "by itself")
        service.launch()
        self.events.process_started(service)


def _chosen(services: Sequence[Service], fault: Fault) -> Service:
    return services[int(fault.choice * len(services))]


def _disturb(proxies: Sequence[Proxy], fault: Fault, which: ConnectionFilter) -> None:
    actions = {
        FaultKind.CUT: Proxy.cut,
        FaultKind.HALF_OPEN: Proxy.make_half_open,
        FaultKind.STALL: Proxy.stall,
        FaultKind.REFUSE: Proxy.refuse,
    }
    for proxy in proxies:
        actions[fault.kind](proxy, which)
    time.sleep(fault.duration_sec)
    if fault.kind in (FaultKind.STALL, FaultKind.REFUSE):
        for proxy in proxies:
            proxy.resume()


def _await_member(node: Mongod) -> None:
    """Return when *node* is a member again, so that never two of three nodes are down by faults."""

    def is_member() -> bool:
        with node.client() as client:
            answer = hello(client)
        return bool(answer.get("secondary") or answer.get("isWritablePrimary"))

    wait_until(is_member, timeout_sec=NODE_BACK_SEC, what=f"mongod at {node.address}")
