"""Calls of the Linux kernel for which Python has no function."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

_CAPABILITY_VERSION = 0x20080522  # linux/capability.h

_LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    """Change a property of this process.

    Raises:
        OSError: the kernel refuses it.
    """
    _checked(_LIBC.prctl(*map(ctypes.c_ulong, (option, first, second, 0, 0))))


def syscall(number: int, *arguments: int) -> int:
    """Call the kernel function *number* and return its result.

    Raises:
        OSError: the kernel refuses it.
    """
    _LIBC.syscall.restype = ctypes.c_long
    return _checked(_LIBC.syscall(*map(ctypes.c_long, (number, *arguments))))


def unshare(flags: int) -> None:
    """Move this process, or its next children, to new namespaces.

    Raises:
        OSError: the kernel or the container refuses it.
    """
    _checked(_LIBC.unshare(ctypes.c_int(flags)))


def keep_capabilities(kept: int) -> None:
    """Give up all capabilities of root but those in the mask *kept*.

    Raises:
        OSError: the kernel refuses it.
    """
    now = (ctypes.c_uint32 * 6)()
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _checked(_LIBC.capget(header, now))
    effective, permitted = now[0] & kept, now[1] & kept
    _checked(_LIBC.capset(header, (ctypes.c_uint32 * 6)(effective, permitted, 0, 0, 0, 0)))


def _checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
