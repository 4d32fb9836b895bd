"""Starts a zygote and orders children from it. A fork of a zygote is much faster than an import."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

from secretary_common.runtime.log import get_logger
from secretary_worker.sandbox import zygote

log = get_logger(__name__)

_SEND_SEC = 5.0
_STOP_SEC = 5.0


@dataclass(frozen=True, slots=True)
class ChildSockets:
    """The parent's ends of a new child's sockets."""

    channel: socket.socket
    stderr: socket.socket
    status: socket.socket

    def close(self) -> None:
        """Close all sockets, which kills the child."""
        for end in (self.channel, self.stderr, self.status):
            end.close()


class ZygoteClient:
    """Starts children that run one module, by forks of a zygote. Thread-safe.

    The zygote starts with ``start`` or with the first child. A dead zygote is replaced when the
    next child starts. Call ``start`` from a thread that lives as long as the worker: when the
    thread ends, the kernel ends the zygote and all its children.
    """

    def __init__(self, module: str) -> None:
        """*module* must have a function ``begin`` (``sandbox.limits.Begin``)."""
        self._module = module
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the zygote; None before the zygote has started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the zygote, so that the first child does not wait for it."""
        with self._lock:
            self._ready()

    def fork(self, files: Sequence[int]) -> ChildSockets:
        """Order a child that has the descriptors *files*. Return its sockets.

        The child may still be starting.

        Raises:
            OSError: no child can be started.
        """
        # Status reports are messages: the parent must read each by itself.
        kinds = (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
        pairs = [socket.socketpair(socket.AF_UNIX, kind) for kind in kinds]
        sockets, theirs = ChildSockets(*(pair[0] for pair in pairs)), [pair[1] for pair in pairs]
        try:
            self._order([*(end.fileno() for end in theirs), *files])
        except OSError:
            sockets.close()
            raise
        finally:
            for end in theirs:
                end.close()
        return sockets

    def close(self) -> None:
        """End the zygote and its children."""
        with self._lock:
            self._discard()

    def _order(self, descriptors: Sequence[int]) -> None:
        with self._lock:
            try:
                socket.send_fds(self._ready(), [zygote.ORDER], descriptors)
            except (BrokenPipeError, ConnectionResetError):  # the zygote died since the last order
                self._discard()
                socket.send_fds(self._ready(), [zygote.ORDER], descriptors)

    def _ready(self) -> socket.socket:
        if self._process and self._process.poll() is not None:
            log.warning("zygote.lost", exit=self._process.returncode)
            self._discard()
        if self._control is None:
            self._launch()
        if self._control is None:
            raise OSError("the zygote has no control socket")
        return self._control

    def _launch(self) -> None:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.settimeout(_SEND_SEC)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - the arguments are the worker's own
                [
                    *(sys.executable, "-I", "-B", "-X", "utf8", "-m", zygote.__name__),
                    *(self._module, str(os.getpid()), *map(os.path.abspath, sys.path)),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                # The worker's environment holds secrets, so the zygote gets none of its variables.
                # OCR gets one thread, because pages and jobs run in parallel already.
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1"},
            )
        self._control = control
        weakref.finalize(self, _end, self._process, control)

    def _discard(self) -> None:
        if self._process and self._control:
            _end(self._process, self._control)
        self._control = self._process = None


def _end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    process.kill()
    process.wait(_STOP_SEC)
