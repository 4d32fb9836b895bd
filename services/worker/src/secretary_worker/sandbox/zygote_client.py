"""Starts a zygote and orders children from it. A fork of a zygote is much faster than an import."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
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
    zygote_pid: int
    """The process id of the zygote that got the order."""

    def close(self) -> None:
        """Close all sockets, which kills the child."""
        for end in (self.channel, self.stderr, self.status):
            end.close()


class ZygoteClient:
    """Starts children that run one module, by forks of a zygote. Thread-safe.

    The zygote starts with ``start`` or with the first child. When the next child starts, it gets a
    new zygote if the last one is dead or was given up. Each zygote has a thread of its own: the
    kernel ends a zygote and its children when the thread that started the zygote ends.
    """

    def __init__(self, module: str) -> None:
        """*module* must have a function ``begin`` (``sandbox.limits.Begin``)."""
        self._module = module
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._end: weakref.finalize[..., ZygoteClient] | None = None

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
        ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        try:
            zygote_pid = self._order([*(end.fileno() for end in theirs), *files])
        except OSError:
            for end in ours:
                end.close()
            raise
        finally:
            for end in theirs:
                end.close()
        channel, stderr, status = ours
        return ChildSockets(channel, stderr, status, zygote_pid)

    def give_up(self, zygote_pid: int) -> None:
        """Kill a zygote that hangs, so that the next child gets a new one; its children end too.

        Nothing happens if *zygote_pid* has been replaced already.
        """
        with self._lock:
            if self.pid == zygote_pid:
                log.warning("zygote.hangs", pid=zygote_pid)
                self._discard()

    def close(self) -> None:
        """End the zygote and its children."""
        with self._lock:
            self._discard()

    def _order(self, descriptors: Sequence[int]) -> int:
        """Return the process id of the zygote that got the order."""
        with self._lock:
            try:
                return self._send(descriptors)
            # The zygote died since the last order, or it takes no order any more.
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                self._discard()
                return self._send(descriptors)

    def _send(self, descriptors: Sequence[int]) -> int:
        process, control = self._ready()
        socket.send_fds(control, [zygote.ORDER], descriptors)
        return process.pid

    def _ready(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        if self._process and self._process.poll() is not None:
            log.warning("zygote.lost", exit=self._process.returncode)
            self._discard()
        if self._process is None or self._control is None:
            self._process, self._control = self._launch()
        return self._process, self._control

    def _launch(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.settimeout(_SEND_SEC)
        over = threading.Event()
        with theirs:
            process = _started(self._module, theirs, over)
        self._end = weakref.finalize(self, _end, process, control, over)
        return process, control

    def _discard(self) -> None:
        if self._end:
            self._end()
        self._process = self._control = self._end = None


def _started(module: str, control: socket.socket, over: threading.Event) -> subprocess.Popen[bytes]:
    """Start a zygote in a thread of its own, which lives until *over* is set.

    Raises:
        OSError: no process or no thread can be started.
    """
    started: Future[subprocess.Popen[bytes]] = Future()

    def start_and_wait() -> None:
        try:
            started.set_result(_start(module, control))
        except Exception as error:  # noqa: BLE001 - raised in the caller's thread
            started.set_exception(error)
        else:
            over.wait()

    try:
        threading.Thread(target=start_and_wait, name="zygote", daemon=True).start()
    except RuntimeError as error:
        raise OSError(str(error)) from error
    return started.result()


def _start(module: str, control: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the arguments are the worker's own
        [
            *(sys.executable, "-I", "-B", "-X", "utf8", "-m", zygote.__name__),
            *(module, str(os.getpid()), *map(os.path.abspath, sys.path)),
        ],
        stdin=control.fileno(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        # The worker's environment holds secrets, so the zygote gets none of its variables.
        # OCR gets one thread, because pages and jobs run in parallel already.
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1"},
    )


def _end(process: subprocess.Popen[bytes], control: socket.socket, over: threading.Event) -> None:
    control.close()
    process.kill()
    process.wait(_STOP_SEC)
    over.set()
