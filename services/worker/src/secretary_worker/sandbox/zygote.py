"""A process that has a module imported and forks a child of itself for each order.

``python -m secretary_worker.sandbox.zygote MODULE PARENT PATH…``, with its control socket as
standard input. The import of a PDF parser takes a third of a second of CPU time; a fork of a
process with the parser takes a few milliseconds. If MODULE has a function ``warm_up``, the zygote
calls it once, for more work that children should not repeat. PATH… is the parent's search path for
modules.

The zygote reads no document and no request. They go directly to the child, so the zygote holds no
secret and no hostile byte. When the parent closes the socket or dies, the zygote ends. Then the
kernel ends the children.

An order is a message with descriptors: the child's channel, its standard error, its status socket,
then its files. On the status socket the zygote sends the parent the child's pid. When the child has
ended, the zygote sends the child's status (``os.waitpid``) and 1 if the child had used up its CPU
time, else 0. If the parent sends anything there or closes its end, the zygote kills the child. Only
the zygote reaps children. It kills a child's whole group before it reaps the child, because until
then the pid cannot be reused.
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

from secretary_common.secrets.hidden_process import hide
from secretary_worker.sandbox import lockdown, namespaces
from secretary_worker.sandbox.kernel import PR_SET_CHILD_SUBREAPER, prctl
from secretary_worker.sandbox.limits import Begin, die_first, die_with_parent, serve
from secretary_worker.sandbox.strays import end_strays

CHANNEL, STDERR, STATUS = range(3)
FIRST_FILE = 3
MAX_DESCRIPTORS = 16
ORDER = b"fork"
# The kernel counts limited CPU time in ticks, but reports used CPU time more precisely.
_CPU_DOUBT_SEC = 1.0


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    pidfd: int
    status: socket.socket


class Zygote:
    """Carries out the orders of its parent until the parent is gone."""

    def __init__(self, control: socket.socket, begin: Begin, first: int | None = None) -> None:
        """*first* is the first process of the children's namespace."""
        self._control = control
        self._begin = begin
        self._first = first
        self._poller = select.poll()
        self._poller.register(control, select.POLLIN)
        self._first_end = os.pidfd_open(first) if first else None
        if self._first_end is not None:
            self._poller.register(self._first_end, select.POLLIN)
        self._by_pidfd: dict[int, _Child] = {}
        self._by_status: dict[int, _Child] = {}

    def run(self) -> None:
        """Fork, kill and reap children until the parent closes the control socket.

        Without the first process of the namespace no child can start, so this method returns then.
        """
        while True:
            for descriptor, _ in self._poller.poll():
                if descriptor == self._first_end:
                    return
                if descriptor == self._control.fileno():
                    if not self._take_order():
                        return
                elif descriptor in self._by_pidfd:
                    self._reap(self._by_pidfd[descriptor])
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
        except OSError:  # the closed status socket shows it to the parent
            return
        if pid == 0:
            self._become_child(descriptors, here)
        try:
            child = _child_of(pid, descriptors[STATUS])
        except OSError:  # no descriptors; the closed status socket shows it to the parent
            _kill_group(pid)
            os.waitpid(pid, 0)
            return
        self._by_pidfd[child.pidfd] = self._by_status[child.status.fileno()] = child
        self._poller.register(child.pidfd, select.POLLIN)
        self._poller.register(child.status, select.POLLIN)
        _report(child, pid)

    def _become_child(self, descriptors: list[int], parent: int) -> NoReturn:
        try:
            os.setsid()
            die_with_parent(0 if self._first else parent)  # 0: outside of the namespace
            die_first()
            for child in self._by_pidfd.values():
                os.close(child.pidfd)
                child.status.close()
            if self._first_end is not None:
                os.close(self._first_end)
            self._control.close()  # standard input
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            # Native code may print to standard output, so it goes to standard error too.
            os.dup2(descriptors[STDERR], 1)
            os.dup2(descriptors[STDERR], 2)
            os.close(descriptors[STDERR])
            os.close(descriptors[STATUS])
            channel = socket.socket(fileno=descriptors[CHANNEL])
            serve(self._begin, channel, descriptors[FIRST_FILE:])
        finally:
            os._exit(1)

    def _kill(self, child: _Child) -> None:
        del self._by_status[child.status.fileno()]
        self._poller.unregister(child.status)
        _kill_group(child.pid)

    def _reap(self, child: _Child) -> None:
        # The group may have more members. Its number is not reused while this zombie exists.
        _kill_group(child.pid)
        cpu_limit = _cpu_limit(child.pid)
        _, status, used = os.wait4(child.pid, 0)
        used_up = used.ru_utime + used.ru_stime >= cpu_limit - _CPU_DOUBT_SEC
        self._end_strays(child.pid)
        _report(child, status, used_up)
        if self._by_status.pop(child.status.fileno(), None):
            self._poller.unregister(child.status)
        del self._by_pidfd[child.pidfd]
        self._poller.unregister(child.pidfd)
        os.close(child.pidfd)
        child.status.close()

    def _end_strays(self, ended: int) -> None:
        known = {child.pid for child in self._by_pidfd.values()} - {ended}
        end_strays(os.getpid(), known | ({self._first} if self._first else set()))
        if self._first:
            end_strays(self._first)


def _child_of(pid: int, status: int) -> _Child:
    """Return the record of the child *pid*, with descriptors of its own.

    Raises:
        OSError: this process has no descriptors left.
    """
    pidfd = os.pidfd_open(pid)
    try:
        return _Child(pid, pidfd, socket.socket(fileno=os.dup(status)))
    except OSError:
        os.close(pidfd)
        raise


def _report(child: _Child, *numbers: int) -> None:
    with suppress(OSError):  # the parent has closed its end
        child.status.send(" ".join(str(int(number)) for number in numbers).encode())


def _cpu_limit(pid: int) -> float:
    """Return the CPU seconds after which the kernel kills *pid*. *pid* may have ended already."""
    hard = resource.prlimit(pid, resource.RLIMIT_CPU)[1]
    return math.inf if hard == resource.RLIM_INFINITY else hard


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):  # if the child has not made its group yet
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Import the module that the command line names, and carry out orders."""
    name, parent, *paths = sys.argv[1:]
    namespaces.leave_network()
    die_with_parent(int(parent))
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    hide()
    sys.path.extend(path for path in paths if path not in sys.path)
    module = importlib.import_module(name)
    begin: Begin = module.begin
    if warm_up := getattr(module, "warm_up", None):
        warm_up()
    lockdown.code_folders()
    gc.collect()
    gc.freeze()  # so that the children's collector does not copy the shared objects
    # After the import: a process whose children have another namespace starts no threads.
    Zygote(socket.socket(fileno=0), begin, namespaces.first_process()).run()


if __name__ == "__main__":
    main()
