"""A child of the sandbox that has been taken over: it tries to break out.

Each request names an attack and its arguments. The answer says whether the attack succeeded.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from secretary_worker import Emit, Work

Attack = Callable[[dict[str, Any], Any], object]
"""A function that raises an error if it fails."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_PTRACE_ATTACH = 16
_NEW_USER = 0x10000000
_PR_SET_PDEATHSIG = 1
_SIGNAL_NONE = 0


def begin(files: Sequence[str]) -> Work:
    """Return the function that carries out attacks. The first file is the child's document."""

    def answer(request: dict[str, Any], emit: Emit) -> None:
        attack = ATTACKS[request["attack"]]
        try:
            attack(request, files)
        except (OSError, RuntimeError) as error:
            emit({"succeeded": False, "error": str(error)})
        else:
            emit({"succeeded": True})

    return answer


def _checked(result: int) -> bool:
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return True


def _memory(request: dict[str, Any], _: Any) -> bool:
    with Path(f"/proc/{request['worker']}/mem").open("rb") as memory:
        return memory.fileno() >= 0


def _read_memory(request: dict[str, Any], _: Any) -> bool:
    local = ctypes.create_string_buffer(8)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(local), 8)
    far = (ctypes.c_void_p * 2)(request["address"], 8)
    return _checked(_LIBC.process_vm_readv(request["worker"], vector, 1, far, 1, 0))


def _connect(kind: socket.SocketKind) -> Attack:
    def attack(request: dict[str, Any], _: Any) -> bool:
        with socket.socket(socket.AF_INET, kind) as one:
            one.connect(("127.0.0.1", request["port"]))
            return True

    return attack


def _send_by_pair(request: dict[str, Any], _: Any) -> bool:
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return bool(pair[0].sendto(b"broken out", str(Path(request["folder"], "socket"))))


def _survive(_: dict[str, Any], __: Any) -> bool:
    return _checked(_LIBC.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0))


def _fork(_: dict[str, Any], __: Any) -> bool:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:  # this process would outlive the child
            signal.pause()
        os._exit(0)
    return True


def _bomb(_: dict[str, Any], __: Any) -> bool:
    for _number in range(20):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
    return True


def _clone(_: dict[str, Any], __: Any) -> bool:
    pid = _LIBC.syscall(_clone_number(), signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return _checked(pid)


def _clone_number() -> int:
    return 56 if os.uname().machine == "x86_64" else 220


def _own_signal(request: dict[str, Any], files: Any) -> bool:
    with Path(files[0]).open("rb") as document:
        fcntl.fcntl(document, fcntl.F_SETOWN, request["worker"])
    return True


def _execute_in_memory(_: dict[str, Any], __: Any) -> bool:
    program = os.memfd_create("program")
    os.write(program, b"#!/bin/sh\n")
    os.execve(program, ["x"], {})
    return True


def _raise_limit(request: dict[str, Any], _: Any) -> bool:
    resource.prlimit(request["worker"], resource.RLIMIT_CPU, (1, 1))
    return True


def _write(request: dict[str, Any], _: Any) -> bool:
    Path(request["folder"], "made").touch()
    return True


def _read(path: str) -> Attack:
    return lambda request, _: bool(Path(path.format(**request)).read_bytes())


def _thread(_: dict[str, Any], __: Any) -> bool:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return True


def _map_document(_: dict[str, Any], files: Any) -> bool:
    with Path(files[0]).open("rb") as document:
        return mmap.mmap(document.fileno(), 0, prot=mmap.PROT_READ)[:3] == b"abc"


ATTACKS: dict[str, Attack] = {
    "read the environment": _read("/proc/{worker}/environ"),
    "read the arguments": _read("/proc/{worker}/cmdline"),
    "open the memory": _memory,
    "read the memory": _read_memory,
    "attach a debugger": lambda r, _: _checked(_LIBC.ptrace(_PTRACE_ATTACH, r["worker"], 0, 0)),
    "signal the worker": lambda r, _: os.kill(r["worker"], _SIGNAL_NONE),
    "signal the zygote": lambda r, _: os.kill(r["zygote"], _SIGNAL_NONE),
    "signal everybody": lambda _, __: os.kill(-1, signal.SIGCONT),
    "signal by descriptor": lambda r, _: os.pidfd_open(r["worker"]) >= 0,
    "signal by the kernel": _own_signal,
    "connect by TCP": _connect(socket.SOCK_STREAM),
    "connect by UDP": _connect(socket.SOCK_DGRAM),
    "make a local socket": lambda _, __: socket.socket(socket.AF_UNIX),
    "send to a local socket": _send_by_pair,
    "run a program": lambda _, __: os.execv("/bin/true", ["true"]),
    "run a program from memory": _execute_in_memory,
    "spawn a program": lambda _, __: bool(os.posix_spawn("/bin/true", ["true"], {})),
    "outlive the kill": _fork,
    "outlive the zygote": _survive,
    "fork without end": _bomb,
    "clone": _clone,
    "leave the session": lambda _, __: os.setpgid(0, 0),
    "make a namespace": lambda _, __: _checked(_LIBC.unshare(_NEW_USER)),
    "limit the worker": _raise_limit,
    "read the document's folder": lambda r, _: bool(os.listdir(r["folder"])),  # noqa: PTH208
    "read another file": _read("{folder}/other"),
    "read the users": _read("/etc/passwd"),
    "read another process": _read("/proc/1/cmdline"),
    "make a file": _write,
    "remove a file": lambda r, _: Path(r["folder"], "other").unlink(),
    "change a file's mode": lambda r, _: Path(r["folder"], "other").chmod(0o777),
}
"""Each attack of this table must fail."""

USES = {"thread": _thread, "document": _map_document}
"""What a child may do."""
ATTACKS |= USES
