"""Faults of the network between services and servers, by the proxies."""

from __future__ import annotations

import time
from collections.abc import Sequence

from chaos.faults import Fault, FaultKind, Target
from chaos.injection.scope import Scope, chosen
from chaos.system import links_of

from secretary_devstack.servers.proxy import ConnectionFilter, TcpProxy


class LinkFaults:
    """Injects the faults of links."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def inject(self, fault: Fault) -> None:
        """Inject *fault* and repair it."""
        if fault.target is Target.BROKER_LINK:
            self._disturb_broker_link(fault)
        else:
            self._disturb_mongo_link(fault)

    def _disturb_broker_link(self, fault: Fault) -> None:
        service = chosen(self._scope.system.stack.services, fault)
        proxies = self._scope.system.broker_proxies[service.name]
        with self._scope.injecting(fault, service.name, f"broker link of {service.name}"):
            _disturb(proxies, fault, lambda _port: True)

    def _disturb_mongo_link(self, fault: Fault) -> None:
        # Workers are chosen more often, because they hold the leases.
        stack = self._scope.system.stack
        service = chosen([*stack.workers, *stack.services], fault)
        with self._scope.injecting(fault, service.name, "mongo links"):
            began = time.time()
            _disturb(self._scope.system.mongo_proxies, fault, links_of(service))
            self._scope.events.worker_was_unavailable(service, began)


def _disturb(proxies: Sequence[TcpProxy], fault: Fault, which: ConnectionFilter) -> None:
    actions = {
        FaultKind.CUT: TcpProxy.cut,
        FaultKind.HALF_OPEN: TcpProxy.make_half_open,
        FaultKind.STALL: TcpProxy.stall,
        FaultKind.REFUSE: TcpProxy.refuse,
    }
    for proxy in proxies:
        actions[fault.kind](proxy, which)
    time.sleep(fault.duration_sec)
    if fault.kind in (FaultKind.STALL, FaultKind.REFUSE):
        for proxy in proxies:
            proxy.resume()
