"""Forbids a process all that a parser does not need: files, network, processes, signals.

seccomp refuses system calls; Landlock refuses files, ports and signals. What one layer forbids, the
other one mostly forbids too. Each layer is used as far as the kernel has it, and ``lacks`` names
what is missing. If the kernel has a layer, but cannot set it up, the process ends.
"""

from __future__ import annotations

import fcntl
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from secretary_common.secrets.hidden_process import hide
from secretary_worker.sandbox import landlock, seccomp
from secretary_worker.sandbox.kernel import keep_capabilities
from secretary_worker.sandbox.landlock import Landlock
from secretary_worker.sandbox.seccomp import Freedom

# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: a worker that runs as root reads files of all users.
# The rules for files hold all the same.
_KEPT_CAPABILITIES = 1 << 1 | 1 << 2
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts")
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache")
_PROGRAMS = ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_FOR_NETWORK = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/run/systemd/resolve"),
)


def lacks() -> list[str]:
    """Return what this kernel, or its container, lacks for the whole sandbox."""
    version = landlock.abi()
    lacking = {
        "seccomp filters": not seccomp.available(),
        "Landlock (Linux 5.13)": version < 1,
        "Landlock's rules for TCP (Linux 6.7)": version < landlock.TCP_ABI,
        "Landlock's rules for signals (Linux 6.12)": version < landlock.SIGNALS_ABI,
    }
    return [name for name, lacked in lacking.items() if lacked]


def lock_parser(files: Sequence[int], readable: Iterable[str]) -> None:
    """Leave this process its open *files*, Python code, fonts and the paths *readable*.

    It has no network, starts no process and no program, and sends no signal to another process.

    Raises:
        OSError: the kernel refuses a layer that it has.
    """
    if landlock.abi():
        rules = Landlock()
        rules.allow([*code_folders(), *_FONTS, *_LIBRARIES, *readable])
        rules.allow(_DEVICES, landlock.READ | landlock.WRITE)
        _allow_open(rules, files)
        rules.enforce()
    _restrict(Freedom())


def lock_program(
    path: int,
    *,
    files: Sequence[int],
    readable: Iterable[str],
    writable: Iterable[str],
    freedom: Freedom,
    port: int | None = None,
) -> None:
    """Forbid this process all that the program which then replaces it does not need.

    Args:
        path: the address of the program's path, with which ``execve`` is called.
        files: open files of the program.
        readable: files and folders that it may read and execute, besides those of the system.
        writable: folders that it may change.
        freedom: what else it may do.
        port: the only TCP port to which it may connect, if *freedom* has connections.

    Raises:
        OSError: the kernel refuses a layer that it has.
    """
    if landlock.abi():
        rules = Landlock(port=port if freedom.network else None)
        rules.allow([*_LIBRARIES, *(_FOR_NETWORK if freedom.network else ())])
        rules.allow(_DEVICES, landlock.READ | landlock.WRITE)
        # The interpreter of a script and the loader of libraries are executed too.
        rules.allow([*readable, *_PROGRAMS], landlock.READ | landlock.EXECUTE)
        rules.allow_changes(writable)
        _allow_open(rules, files)
        rules.enforce()
    _restrict(freedom if freedom.programs else Freedom(network=freedom.network, exec_at=path))


def _allow_open(rules: Landlock, files: Iterable[int]) -> None:
    """Let this process open its *files* again, as ``/dev/fd/N``, for what they are open for."""
    for file in files:
        written = fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        rules.allow_open(file, landlock.READ | (landlock.WRITE if written else 0))


def _restrict(freedom: Freedom) -> None:
    keep_capabilities(_KEPT_CAPABILITIES)
    hide()
    if seccomp.available():
        seccomp.enforce(freedom)


@cache
def code_folders() -> list[str]:
    """Return the folders of Python's library, of installed packages and of loaded packages.

    A folder on the search path may hold settings too, so only its loaded packages are named. The
    zygote calls this once for all its children.
    """
    installed = {
        sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    loaded = {
        folder
        for module in list(sys.modules.values())
        for folder in getattr(module, "__path__", None) or ()
        if not any(Path(folder).is_relative_to(one) for one in installed)
    }
    tops = {one for one in loaded if str(Path(one).parent) not in loaded}
    return sorted(installed | {folder for folder in tops if Path(folder).is_dir()})
