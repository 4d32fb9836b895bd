"""Carries the faults out, one at a time on the same thing, and puts right what it broke."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from chaos.diary import Diary
from chaos.fault import Blow, Fault, Part
from chaos.system import System, links_of
from pymongo.errors import PyMongoError

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import Service
from secretary_devstack.servers.mongod import Mongod, hello
from secretary_devstack.servers.proxy import Proxy

AT_ONCE = 12
STOP_SEC = 30.0
"""A service told to stop must be gone by then: drain, and a hand-back through an outage."""
NODE_BACK_SEC = 60.0
SUPERVISE_SEC = 0.2


class Adversary:
    """Strikes a running system; ``supervised`` restarts what ends by itself meanwhile."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._rooms: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._stopping = threading.Event()
        self.diary = Diary()
        for service in system.stack.services:
            self.diary.born(service, at=0.0)

    def strike_all(self, faults: Sequence[Fault]) -> None:
        """Strike at each fault's time; return when all is put right again.

        Raises:
            ChildFailed, NotInTime: a server did not come back.
        """
        started = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as executor:
            strikes: list[Future[None]] = []
            for fault in faults:
                time.sleep(max(0.0, started + fault.at - time.monotonic()))
                strikes.append(executor.submit(self._strike, fault))
            for strike in strikes:
                strike.result()
        self._system.network.resume()

    @contextlib.contextmanager
    def supervised(self) -> Iterator[None]:
        """Restart services that end by themselves while inside, as any supervisor does."""
        thread = threading.Thread(target=self._supervise, name="supervisor")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _strike(self, fault: Fault) -> None:
        match fault.part:
            case Part.WORKER | Part.API | Part.NOTIFIER:
                self._strike_service(fault)
            case Part.BROKER:
                self._strike_broker(fault)
            case Part.PRIMARY | Part.SECONDARY:
                self._strike_node(fault)
            case Part.BROKER_LINK:
                self._strike_broker_link(fault)
            case Part.MONGO_LINK:
                self._strike_mongo_link(fault)

    @contextlib.contextmanager
    def _striking(self, room: str, fault: Fault, victim: str) -> Iterator[None]:
        with self._rooms[room]:
            incident = self.diary.begun(str(fault), victim)
            yield
            incident.ended_at = time.time()

    def _strike_service(self, fault: Fault) -> None:
        stack = self._system.stack
        of_part = {
            Part.WORKER: stack.workers,
            Part.API: stack.apis,
            Part.NOTIFIER: stack.notifiers,
        }
        service = _chosen(of_part[fault.part], fault)
        with self._striking(service.name, fault, service.name):
            {Blow.KILL: self._kill, Blow.DRAIN: self._drain, Blow.FREEZE: self._freeze}[fault.blow](
                service, fault.lasts_sec
            )

    def _kill(self, service: Service, down_sec: float) -> None:
        self.diary.died(service, "killed")
        service.kill()
        self._restart(service, down_sec)

    def _drain(self, service: Service, down_sec: float) -> None:
        self.diary.died(service, "drained")
        if not service.stop(STOP_SEC):
            self.diary.complaints.append(f"{service.name} did not stop within {STOP_SEC:g} s")
        self._restart(service, down_sec)

    def _freeze(self, service: Service, seconds: float) -> None:
        began = time.time()
        service.child.send(signal.SIGSTOP)
        time.sleep(seconds)
        service.child.send(signal.SIGCONT)
        self.diary.absent(service, began)

    def _restart(self, service: Service, down_sec: float) -> None:
        time.sleep(down_sec)
        service.launch()
        self.diary.born(service)

    def _strike_broker(self, fault: Fault) -> None:
        broker = self._system.broker
        with self._striking("broker", fault, "rabbitmq"):
            broker.kill() if fault.blow is Blow.KILL else broker.stop()
            time.sleep(fault.lasts_sec)
            broker.start()

    def _strike_node(self, fault: Fault) -> None:
        with self._rooms["mongo"]:
            node = self._node(fault.part)
            incident = self.diary.begun(str(fault), node.address)
            if fault.blow is Blow.STEP_DOWN:
                with contextlib.suppress(PyMongoError):  # it may refuse: nobody has caught up
                    self._system.mongo.step_down(max(2, round(fault.lasts_sec)))
            else:
                node.kill()
                time.sleep(fault.lasts_sec)
                node.start()
            _await_member(node)
            incident.ended_at = time.time()

    def _node(self, part: Part) -> Mongod:
        mongo = self._system.mongo
        primary = mongo.primary(NODE_BACK_SEC)
        if part is Part.PRIMARY:
            return primary
        return next(node for node in mongo.nodes if node is not primary)

    def _strike_broker_link(self, fault: Fault) -> None:
        service = _chosen(self._system.stack.services, fault)
        proxy = self._system.broker_proxies[service.name]
        with self._striking(f"broker link of {service.name}", fault, service.name):
            _strike_proxies([proxy], fault, lambda _port: True)

    def _strike_mongo_link(self, fault: Fault) -> None:
        # Mostly workers: theirs are the leases.
        stack = self._system.stack
        service = _chosen([*stack.workers, *stack.services], fault)
        with self._striking("mongo links", fault, service.name):
            began = time.time()
            _strike_proxies(self._system.mongo_proxies, fault, links_of(service))
            self.diary.absent(service, began)

    def _supervise(self) -> None:
        while not self._stopping.wait(SUPERVISE_SEC):
            for service in self._system.stack.services:
                room = self._rooms[service.name]
                if room.acquire(blocking=False):
                    try:
                        self._revive(service)
                    finally:
                        room.release()

    def _revive(self, service: Service) -> None:
        if service.running:
            return
        self.diary.died(service, "by itself")
        service.launch()
        self.diary.born(service)


def _chosen(services: Sequence[Service], fault: Fault) -> Service:
    return services[int(fault.victim * len(services))]


def _strike_proxies(proxies: Sequence[Proxy], fault: Fault, whom: Callable[[int], bool]) -> None:
    blows = {
        Blow.CUT: Proxy.cut,
        Blow.DEAFEN: Proxy.make_half_open,
        Blow.STALL: Proxy.stall,
        Blow.REFUSE: Proxy.refuse,
    }
    for proxy in proxies:
        blows[fault.blow](proxy, whom)
    time.sleep(fault.lasts_sec)
    if fault.blow in (Blow.STALL, Blow.REFUSE):
        for proxy in proxies:
            proxy.resume()


def _await_member(node: Mongod) -> None:
    """Return when *node* takes part again: never are two of three down by our doing."""

    def takes_part() -> bool:
        with node.client() as client:
            answer = hello(client)
        return bool(answer.get("secondary") or answer.get("isWritablePrimary"))

    wait_until(takes_part, timeout_sec=NODE_BACK_SEC, what=f"mongod at {node.address}")
