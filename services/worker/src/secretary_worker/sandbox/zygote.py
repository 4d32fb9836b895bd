"""A process that has everything imported and has seen nothing: it forks a child for each order.

``python -m secretary_worker.sandbox.zygote MODULE``, with its control socket as standard input.
Importing what reads PDFs takes a third of a second of CPU; forking a process that has it takes a
few milliseconds. What else a child should not have to do first, its module does in ``warm_up``, if
it has one. It never reads a document from elsewhere or a request: those go straight to the child,
so no secret and no hostile byte is ever in here. Its parent's end of the socket closed, or its
parent dead, it ends, and the kernel takes its children along.

An order is a message with descriptors: the child's channel, its standard error, its status socket,
then its files. Through the status socket the parent learns the child's pid, then how it ended:
``os.waitpid``'s status, and 1 if it had used up its CPU time, else 0. Whatever the parent sends
there, or its end closed, kills the child. Only this process reaps, and always after it killed the
child's whole group: a pid cannot be another's by then.
"""

from __future__ import annotations

import gc
import importlib
import math
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from secretary_worker.sandbox.limits import Begin, die_first, die_with_parent, serve

CHANNEL, STDERR, STATUS = range(3)
FIRST_FILE = 3
MAX_DESCRIPTORS = 16
ORDER = b"fork"
# The kernel counts what it limits in ticks, and what it reports more finely.
_CPU_DOUBT_SEC = 1.0


@dataclass(frozen=True, slots=True)
class _Born:
    pid: int
    pidfd: int
    status: socket.socket


class Zygote:
    """Takes orders until its parent is gone."""

    def __init__(self, control: socket.socket, begin: Begin) -> None:
        self._control = control
        self._begin = begin
        self._poller = select.poll()
        self._poller.register(control, select.POLLIN)
        self._by_pidfd: dict[int, _Born] = {}
        self._by_status: dict[int, _Born] = {}

    def run(self) -> None:
        """Fork, kill and bury, as told."""
        while True:
            for descriptor, _ in self._poller.poll():
                if descriptor == self._control.fileno():
                    if not self._take_order():
                        return
                elif descriptor in self._by_pidfd:
                    self._bury(self._by_pidfd[descriptor])
                elif descriptor in self._by_status:
                    self._kill(self._by_status[descriptor])

    def _take_order(self) -> bool:
        order, descriptors, _, _ = socket.recv_fds(self._control, len(ORDER), MAX_DESCRIPTORS)
        if not order:
            return False
        if len(descriptors) >= FIRST_FILE:
            self._fork(descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _fork(self, descriptors: list[int]) -> None:
        here = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # its status socket closed without a word tells the parent
            return
        if pid == 0:
            self._become_child(descriptors, here)
        born = _Born(pid, os.pidfd_open(pid), socket.socket(fileno=os.dup(descriptors[STATUS])))
        self._by_pidfd[born.pidfd] = self._by_status[born.status.fileno()] = born
        self._poller.register(born.pidfd, select.POLLIN)
        self._poller.register(born.status, select.POLLIN)
        _tell(born, pid)

    def _become_child(self, descriptors: list[int], parent: int) -> NoReturn:
        try:
            os.setsid()
            die_with_parent(parent)
            die_first()
            for born in self._by_pidfd.values():
                os.close(born.pidfd)
                born.status.close()
            self._control.close()  # standard input
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            # What native code prints goes to standard error, both ways.
            os.dup2(descriptors[STDERR], 1)
            os.dup2(descriptors[STDERR], 2)
            os.close(descriptors[STDERR])
            os.close(descriptors[STATUS])
            channel = socket.socket(fileno=descriptors[CHANNEL])
            serve(self._begin, channel, descriptors[FIRST_FILE:])
        finally:
            os._exit(1)

    def _kill(self, born: _Born) -> None:
        del self._by_status[born.status.fileno()]
        self._poller.unregister(born.status)
        _kill_group(born.pid)

    def _bury(self, born: _Born) -> None:
        # The group may have more members; its number is not another's while this zombie is there.
        _kill_group(born.pid)
        cpu_limit = _cpu_limit(born.pid)
        _, status, used = os.wait4(born.pid, 0)
        used_up = used.ru_utime + used.ru_stime >= cpu_limit - _CPU_DOUBT_SEC
        _tell(born, status, used_up)
        if self._by_status.pop(born.status.fileno(), None):
            self._poller.unregister(born.status)
        del self._by_pidfd[born.pidfd]
        self._poller.unregister(born.pidfd)
        os.close(born.pidfd)
        born.status.close()


def _tell(born: _Born, *numbers: int) -> None:
    with suppress(OSError):  # the parent does not listen any more
        born.status.send(" ".join(str(int(number)) for number in numbers).encode())


def _cpu_limit(pid: int) -> float:
    """The CPU seconds after which the kernel kills *pid*; a zombie has its limits still."""
    hard = resource.prlimit(pid, resource.RLIMIT_CPU)[1]
    return math.inf if hard == resource.RLIM_INFINITY else hard


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):  # one that has not made its group yet
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Import the module named on the command line and wait for orders."""
    die_with_parent(int(sys.argv[2]))
    module = importlib.import_module(sys.argv[1])
    begin: Begin = module.begin
    if warm_up := getattr(module, "warm_up", None):
        warm_up()
    gc.collect()
    gc.freeze()  # what is here already is shared with the children, not copied by their collector
    Zygote(socket.socket(fileno=0), begin).run()


if __name__ == "__main__":
    main()
