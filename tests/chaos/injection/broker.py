"""Faults of RabbitMQ: it ends, or it refuses the services' password."""

from __future__ import annotations

import time

from chaos.faults import Fault, FaultKind
from chaos.injection.scope import Scope

USER, PASSWORD = "guest", "guest"
ROTATED = "rotated"


class BrokerFaults:
    """Injects the faults of the broker."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._broker = scope.system.broker
        self._nodes = scope.system.brokers

    def inject(self, fault: Fault) -> None:
        """Inject *fault* and repair it.

        Raises:
            ChildFailed: the broker did not start again, or refused a command.
        """
        node = self._nodes[fault.variant]
        with self._scope.injecting(fault, node.node, "broker"):
            if fault.kind is FaultKind.REFUSE:
                self._refuse(fault.duration_sec)
                return
            node.kill() if fault.kind is FaultKind.KILL else node.stop()
            time.sleep(fault.duration_sec)
            node.start()

    def _refuse(self, seconds: float) -> None:
        """Change the password of the services for a while, as a rotation does."""
        control = self._broker.control
        control("change_password", USER, ROTATED)
        try:
            control("close_all_connections", "the password has changed")
            time.sleep(seconds)
        finally:
            control("change_password", USER, PASSWORD)
