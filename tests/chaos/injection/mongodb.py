"""Faults of MongoDB: nodes that end, no majority, all nodes away, commands that fail."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chaos import server_error
from chaos.faults import Fault, FaultKind, Target
from chaos.injection.scope import Scope
from pymongo.errors import PyMongoError

from secretary_devstack.deadline import wait_until
from secretary_devstack.servers.mongod import Mongod, ReplicaSet
from secretary_devstack.servers.node_client import hello

NODE_BACK_SEC = 60.0
REPAIR_SEC = 600.0
"""A node that must be repaired may be stopped by another fault for minutes."""
MONGO_LOCK = "mongo"
"""One fault of the nodes at a time."""
FAIL_COMMAND_LOCK = "server errors"
"""One use of the fail point ``failCommand`` at a time."""
KILLED_BELOW = 0.5
"""All nodes are killed if a fault's choice is below it; else they are stopped."""


class MongoFaults:
    """Injects the faults of MongoDB."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._mongo = scope.system.mongo

    def inject(self, fault: Fault) -> None:
        """Inject *fault* and repair it.

        Raises:
            ChildFailed, NotInTime: a node is not a member again in time.
        """
        actions: dict[FaultKind, Callable[[Fault], None]] = {
            FaultKind.SERVER_ERROR: self._fail_commands,
            FaultKind.LOCK: self._lock_secondaries,
            FaultKind.LEAVE: self._leave,
        }
        actions.get(fault.kind, self._hit_node)(fault)

    def _hit_node(self, fault: Fault) -> None:
        with self._scope.lock(MONGO_LOCK):
            node = self._node(fault)
            injected = self._scope.events.fault_began(str(fault), node.address)
            if fault.kind is FaultKind.STEP_DOWN:
                with contextlib.suppress(PyMongoError):  # it may refuse: no secondary has caught up
                    self._mongo.step_down(max(2, round(fault.duration_sec)))
            else:
                node.kill()
                time.sleep(fault.duration_sec)
                node.start()
            _await_member(node)
            injected.ended_at = time.time()

    def _node(self, fault: Fault) -> Mongod:
        if fault.target is Target.MONGO_NODE:
            return self._mongo.nodes[fault.variant]
        primary = self._mongo.primary(NODE_BACK_SEC)
        if fault.target is Target.PRIMARY:
            return primary
        return next(node for node in self._mongo.nodes if node is not primary)

    def _lock_secondaries(self, fault: Fault) -> None:
        with self._scope.injecting(fault, "secondaries", MONGO_LOCK), self._scope.without_store():
            with without_majority(self._mongo):
                time.sleep(fault.duration_sec)
            await_members(self._mongo)

    def _leave(self, fault: Fault) -> None:
        how = killed if fault.choice < KILLED_BELOW else stopped
        with self._scope.injecting(fault, how.__name__, MONGO_LOCK), self._scope.without_store():
            with how(self._mongo.nodes):
                time.sleep(fault.duration_sec)
            await_members(self._mongo)

    def _fail_commands(self, fault: Fault) -> None:
        code, commands = (
            server_error.code_of(fault.variant),
            server_error.commands_of(fault.choice),
        )
        victim = f"{code} {server_error.CODES[code]} for {', '.join(commands)}"
        with (
            self._scope.injecting(fault, victim, FAIL_COMMAND_LOCK),
            self._scope.without_store(),
            failing_commands(self._mongo, code, commands),
        ):
            time.sleep(fault.duration_sec)


def await_members(mongo: ReplicaSet) -> None:
    """Return when all nodes are members and one is the primary."""
    mongo.primary(NODE_BACK_SEC)
    for node in mongo.nodes:
        _await_member(node)


@contextlib.contextmanager
def without_majority(mongo: ReplicaSet) -> Iterator[None]:
    """Let no secondary write inside the block; the primary stays and answers."""
    primary = mongo.primary(NODE_BACK_SEC)
    with contextlib.ExitStack() as repairs:
        for node in mongo.nodes:
            if node is not primary:
                repairs.callback(_repair, node, _unlock)
                with node.client() as client:
                    client.admin.command("fsync", lock=True)
        yield


@contextlib.contextmanager
def killed(nodes: Sequence[Mongod]) -> Iterator[None]:
    """Kill all nodes, and start them after the block."""
    for node in nodes:
        node.kill()
    try:
        yield
    finally:
        for node in nodes:
            node.start()


@contextlib.contextmanager
def stopped(nodes: Sequence[Mongod]) -> Iterator[None]:
    """Stop all nodes with SIGSTOP inside the block: they accept connections and never answer."""
    for node in nodes:
        node.child.send(signal.SIGSTOP)
    try:
        yield
    finally:
        for node in nodes:
            node.child.send(signal.SIGCONT)


@contextlib.contextmanager
def failing_commands(mongo: ReplicaSet, code: int, commands: Sequence[str]) -> Iterator[None]:
    """Let every node answer *commands* with the error *code* inside the block."""
    with fail_point(mongo.nodes, {"errorCode": code, "failCommands": list(commands)}):
        yield


@contextlib.contextmanager
def fail_point(nodes: Sequence[Mongod], data: Mapping[str, Any]) -> Iterator[None]:
    """Set the fail point ``failCommand`` with *data* on *nodes* inside the block."""
    for node in nodes:
        with contextlib.suppress(PyMongoError):  # the node is away
            _set_fail_point(node, mode="alwaysOn", data=dict(data))
    try:
        yield
    finally:
        for node in nodes:
            _repair(node, lambda one: _set_fail_point(one, mode="off"))


def _set_fail_point(node: Mongod, **fields: Any) -> None:
    with node.client() as client:
        client.admin.command("configureFailPoint", "failCommand", **fields)


def _unlock(node: Mongod) -> None:
    with node.client() as client:
        while client.admin.command("fsyncUnlock")["lockCount"] > 0:
            pass


def _repair(node: Mongod, repair: Callable[[Mongod], None]) -> None:
    """Repeat *repair* until it succeeds; a node that was started again needs none."""
    process = node.child

    def repaired() -> bool:
        if node.child is not process:
            return True
        try:
            repair(node)
        except PyMongoError:
            return False
        return True

    wait_until(repaired, timeout_sec=REPAIR_SEC, what=f"the repair of {node.address}")


def _await_member(node: Mongod) -> None:
    """Return when *node* is a member again, so that never two of three nodes are down by faults."""

    def is_member() -> bool:
        with node.client() as client:
            answer = hello(client)
        return bool(answer.get("secondary") or answer.get("isWritablePrimary"))

    wait_until(is_member, timeout_sec=NODE_BACK_SEC, what=f"mongod at {node.address}")
