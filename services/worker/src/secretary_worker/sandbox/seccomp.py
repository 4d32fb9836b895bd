"""seccomp: forbids this process the system calls that parsers do not need.

The filter is classic BPF, as in the kernel's documentation userspace-api/seccomp_filter. The kernel
remembers which calls the filter always allows, so those calls cost nothing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from secretary_worker.sandbox.kernel import (
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    PR_SET_SECCOMP,
    prctl,
)
from secretary_worker.sandbox.syscall_numbers import NEWEST, numbers

_MODE_FILTER = 2
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h

# linux/bpf_common.h
_LOAD, _RETURN = 0x20, 0x06
_IF_EQUAL, _IF_GREATER, _IF_SET = 0x15, 0x25, 0x45
_AND = 0x54
# linux/seccomp.h: results, and where the filter finds a call
_KILL_PROCESS, _ERROR, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

_CLONE_THREAD = 0x00010000
_OWNER_COMMANDS = (8, 15)  # fcntl: F_SETOWN, F_SETOWN_EX, which let the kernel send signals
# ioctl: FIOSETOWN and SIOCSPGRP do the same; TIOCSTI types into a terminal
_FORBIDDEN_IOCTLS = (0x8901, 0x8902, 0x5412)
# linux/socket.h, linux/net.h, linux/in.h. Landlock has rules for TCP alone: neither for UDP nor for
# MPTCP, and none for a connection that a message opens (MSG_FASTOPEN).
_AF_INET, _AF_INET6 = 2, 10
_TYPE_MASK, _SOCK_STREAM = 0xF, 1
_TCP_PROTOCOLS = (0, 6)
_MSG_FASTOPEN = 0x20000000

_ABSENT = ("clone3", "io_uring_setup")  # programs then use older calls
_FOR_PROCESSES = ("fork", "vfork", "kill", "clone", "clone3", "tkill", "tgkill", "execve")
_FOR_NETWORK = ("socket", "connect", "bind")
_FOR_FILES = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "utimensat", "futimesat"),
    *("inotify_add_watch", "sched_setaffinity", "pidfd_open"),
)

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Freedom:
    """What a process may do in spite of the filter."""

    programs: bool = False
    """Start processes and programs, and send signals. They cannot leave their process group."""
    network: bool = False
    """Open connections by TCP over IPv4 and IPv6."""
    exec_at: int | None = None
    """The address of the path of the one program that may replace this process."""


def available() -> bool:
    """Return whether the kernel filters calls, and the filter knows this processor."""
    if platform.machine() not in _ARCHITECTURES:
        return False
    try:
        prctl(PR_SET_SECCOMP, _MODE_FILTER, 0)  # no filter: this changes nothing
    except OSError as error:
        return error.errno == errno.EFAULT
    return True


def enforce(freedom: Freedom) -> None:
    """Forbid this process and its descendants all calls that *freedom* does not allow.

    Call this in a process with one thread.

    Raises:
        OSError: the kernel refuses it.
    """
    program = program_of(platform.machine(), os.getpid(), freedom)
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    given = ctypes.create_string_buffer(header, len(header))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(given))


def program_of(machine: str, pid: int, freedom: Freedom) -> list[Instruction]:
    """Return the filter for the process *pid* on the processor *machine*."""
    number_of = numbers(machine)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_GREATER, 0, 1, NEWEST),  # also the 32-bit calls of x86-64
        _refuse(errno.ENOSYS),
    ]
    conditions = _conditions(pid, freedom)
    for name in _forbidden(number_of, freedom):
        always = [_refuse(errno.ENOSYS if name in _ABSENT else errno.EPERM)]
        refused = conditions.get(name, always)
        program += [(_IF_EQUAL, 0, len(refused), number_of[name]), *refused]
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _forbidden(names: Iterable[str], freedom: Freedom) -> list[str]:
    allowed: set[str] = set()
    if freedom.programs:
        allowed |= {*_FOR_PROCESSES, *_FOR_FILES}
    if freedom.network:
        allowed |= {*_FOR_NETWORK} - {"socket"}
    return [name for name in names if name not in allowed]


def _conditions(pid: int, freedom: Freedom) -> dict[str, list[Instruction]]:
    """Return the instructions for calls that are refused only with certain arguments."""
    conditions = {
        "clone": _unless(0, _IF_SET, _CLONE_THREAD),
        "fcntl": _if_one_of(1, _OWNER_COMMANDS),
        "ioctl": _if_one_of(1, _FORBIDDEN_IOCTLS),
        "kill": _unless(0, _IF_EQUAL, pid),
        # Without this signal a process would outlive the zygote.
        "prctl": _if_one_of(0, (PR_SET_PDEATHSIG,)),
        "prlimit64": _unless(0, _IF_EQUAL, 0),
        "sendmmsg": _if_set(3, _MSG_FASTOPEN),
        "sendmsg": _if_set(2, _MSG_FASTOPEN),
        "sendto": _if_set(3, _MSG_FASTOPEN),
        # A datagram socket of a pair can also send to the path of any other local socket.
        "socketpair": [
            *_only(1, (_SOCK_STREAM,), mask=_TYPE_MASK),
            (_RETURN, 0, 0, _ALLOW),
        ],
        "tgkill": _unless(0, _IF_EQUAL, pid),
    }
    if freedom.network:
        conditions["socket"] = [
            *_only(0, (_AF_INET, _AF_INET6)),
            *_only(1, (_SOCK_STREAM,), mask=_TYPE_MASK),
            *_only(2, _TCP_PROTOCOLS),
            (_RETURN, 0, 0, _ALLOW),
        ]
    if freedom.exec_at is not None:
        low, high = freedom.exec_at & 0xFFFFFFFF, freedom.exec_at >> 32
        conditions["execve"] = [
            (_LOAD, 0, 0, _ARGUMENTS),
            (_IF_EQUAL, 0, 3, low),
            (_LOAD, 0, 0, _ARGUMENTS + 4),
            (_IF_EQUAL, 0, 1, high),
            (_RETURN, 0, 0, _ALLOW),
            _refuse(errno.EPERM),
        ]
    return conditions


def _unless(argument: int, test: int, value: int) -> list[Instruction]:
    # Each of these arguments is an int of 32 bits, the lower half of its register.
    return [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
        (test, 0, 1, value),
        (_RETURN, 0, 0, _ALLOW),
        _refuse(errno.EPERM),
    ]


def _only(argument: int, values: tuple[int, ...], mask: int = 0xFFFFFFFF) -> list[Instruction]:
    """Refuse the call unless *argument* is one of *values*; else go on."""
    tests = [(_IF_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    load: list[Instruction] = [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), (_AND, 0, 0, mask)]
    return [*load, *tests, _refuse(errno.EPERM)]


def _if_set(argument: int, bits: int) -> list[Instruction]:
    return [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
        (_IF_SET, 0, 1, bits),
        _refuse(errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _if_one_of(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    tests: list[Instruction] = []
    for value in values:
        tests += [(_IF_EQUAL, 0, 1, value), _refuse(errno.EPERM)]
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *tests, (_RETURN, 0, 0, _ALLOW)]


def _refuse(error: int) -> Instruction:
    return (_RETURN, 0, 0, _ERROR | error)
