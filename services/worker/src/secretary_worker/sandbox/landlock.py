"""Landlock: forbids this process all files, TCP connections and signals that it does not need.

The kernel's documentation is userspace-api/landlock. The rules cannot be taken back, and forked
processes inherit them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from secretary_worker.sandbox.kernel import PR_SET_NO_NEW_PRIVS, prctl, syscall

# The numbers are the same on all processors.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH, _NET_PORT = 1, 2

# linux/landlock.h
EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_FILE_RIGHTS = EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
READ = _READ_FILE | _READ_DIR
WRITE = _WRITE_FILE | _TRUNCATE
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1

# The version of the interface that first had a kind of rule.
TCP_ABI, SIGNALS_ABI = 4, 6
# For each version that has new rights for files, the number of rights.
_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 5: 16}


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _NetPort(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


def abi() -> int:
    """Return the version of the kernel's Landlock; 0 if the kernel or the container has none."""
    try:
        return syscall(_CREATE_RULESET, 0, 0, _VERSION_FLAG)
    except OSError:
        return 0


class Landlock:
    """Rules for this process. Everything that no rule allows is forbidden by ``enforce``."""

    def __init__(self, *, port: int | None = None) -> None:
        """*port*: the only TCP port to which the process may connect, on any machine."""
        version = abi()
        self._handled = (1 << _RIGHTS_OF_ABI[max(n for n in _RIGHTS_OF_ABI if n <= version)]) - 1
        rules = _Ruleset(fs=self._handled)
        if version >= TCP_ABI:
            rules.net = _BIND_TCP | _CONNECT_TCP
        if version >= SIGNALS_ABI:
            rules.scoped = _ABSTRACT_SOCKETS | _SIGNALS
        size = 8 if version < TCP_ABI else 16 if version < SIGNALS_ABI else 24
        self._ruleset = syscall(_CREATE_RULESET, ctypes.addressof(rules), size, 0)
        if port is not None and version >= TCP_ABI:
            rule = _NetPort(allowed=_CONNECT_TCP, port=port)
            syscall(_ADD_RULE, self._ruleset, _NET_PORT, ctypes.addressof(rule), 0)

    def allow(self, paths: Iterable[str], rights: int = READ) -> None:
        """Allow *rights* on the files and folders *paths*. Missing paths are ignored."""
        for path in paths:
            with suppress(OSError):
                opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
                try:
                    self.allow_open(opened, rights)
                finally:
                    os.close(opened)

    def allow_changes(self, folders: Iterable[str]) -> None:
        """Allow everything on *folders* except to execute a file."""
        self.allow(folders, self._handled & ~EXECUTE)

    def allow_open(self, descriptor: int, rights: int = READ) -> None:
        """Allow *rights* on the file or folder of *descriptor*."""
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_RIGHTS
        rule = _PathBeneath(allowed=rights & self._handled, parent=descriptor)
        try:
            syscall(_ADD_RULE, self._ruleset, _PATH_BENEATH, ctypes.addressof(rule), 0)
        except OSError as error:
            # The kernel has no rules for files in memory: descriptors of them can be opened again.
            if error.errno != errno.EBADFD:
                raise

    def enforce(self) -> None:
        """Take from this process all that is not allowed. Call this in a process with one thread.

        Raises:
            OSError: the kernel refuses it.
        """
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        syscall(_RESTRICT_SELF, self._ruleset, 0)
        os.close(self._ruleset)
