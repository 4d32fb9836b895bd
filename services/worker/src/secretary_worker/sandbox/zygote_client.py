"""The worker's handle on a zygote: children with everything imported, for the price of a fork."""

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
        """Close all; the child is killed by that."""
        for end in (self.channel, self.stderr, self.status):
            end.close()


class ZygoteClient:
    """Starts children that run *module*. Thread-safe; its zygote starts with the first, or before.

    Start it from a thread that stays: the kernel ends the zygote, and all children with it, when
    the thread that started it ends. One that died is replaced with the next child.
    """

    def __init__(self, module: str) -> None:
        """*module* must have a ``begin`` (``confinement.Begin``)."""
        self._module = module
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The zygote's, once it was started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Have the zygote ready before the first child is wanted."""
        with self._lock:
            self._ready()

    def fork(self, files: Sequence[int]) -> ChildSockets:
        """Order a child that has *files*; it may need a moment to be there.

        Raises:
            OSError: none can be had.
        """
        # What is told of the status are messages, each to be read by itself.
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
        """End the zygote and whatever children it has."""
        with self._lock:
            self._discard()

    def _order(self, descriptors: Sequence[int]) -> None:
        with self._lock:
            try:
                socket.send_fds(self._ready(), [zygote.ORDER], descriptors)
            except (BrokenPipeError, ConnectionResetError):  # it died since it was last seen
                self._discard()
                socket.send_fds(self._ready(), [zygote.ORDER], descriptors)

    def _ready(self) -> socket.socket:
        if self._process and self._process.poll() is not None:
            log.warning("nursery.zygote_lost", exit=self._process.returncode)
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
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [
                    *(sys.executable, "-I", "-B", "-X", "utf8", "-m", zygote.__name__),
                    *(self._module, str(os.getpid())),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                # Nothing of the worker's environment: it holds secrets. One thread for OCR: pages
                # and jobs run side by side already.
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
