"""Replaces this process by a program that is locked in the sandbox."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from secretary_worker.sandbox import lockdown
from secretary_worker.sandbox.seccomp import Freedom

_SHEBANG_BYTES = 256


@dataclass(frozen=True, slots=True)
class ProgramAccess:
    """What a program may use, besides the libraries and programs of the system."""

    files: Sequence[int] = ()
    """The descriptors of open files. The program may open them again, as ``/dev/fd/N``."""
    readable: Sequence[str] = ()
    """Files and folders that the program may read, such as its settings."""
    writable: Sequence[str] = ()
    """Folders that the program may read and change."""
    proxy_port: int | None = None
    """The TCP port of the program's proxy. The program may connect to no other port; with None it
    has no network."""
    programs: bool = False
    """Whether the program may start other programs. They stay in its process group."""


def replace_process(program: str, arguments: Sequence[str], access: ProgramAccess) -> NoReturn:
    """Lock this process and replace it by *program*. Call this in a process with one thread.

    Raises:
        OSError: the program cannot be run, or the kernel refuses a layer that it has.
    """
    path = ctypes.create_string_buffer(os.fsencode(program))
    argv = _vector([program, *arguments])
    environment = _vector([f"{name}={value}" for name, value in os.environ.items()])
    libc = ctypes.CDLL(None, use_errno=True)
    lockdown.lock_program(
        ctypes.addressof(path),
        files=access.files,
        readable=[*_homes(program), *access.readable],
        writable=access.writable,
        freedom=Freedom(programs=access.programs, network=access.proxy_port is not None),
        port=access.proxy_port,
    )
    # os.execv would copy the path, and the filter knows only this address.
    libc.execve(path, argv, environment)
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


def _vector(texts: Sequence[str]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * (len(texts) + 1))(*map(os.fsencode, texts), None)


def _homes(program: str) -> list[str]:
    """Return the folders with the libraries of *program*, and of its interpreter if any."""
    homes = []
    for path in (program, *_interpreter(program)):
        for one in {path, os.path.realpath(path)}:
            folder = Path(one).parent
            names = ("lib", "lib64", "share", "pyvenv.cfg")
            homes += [one, *(str(folder.parent / name) for name in names)]
    return homes


def _interpreter(program: str) -> list[str]:
    try:
        with Path(program).open("rb") as file:
            first = file.read(_SHEBANG_BYTES).partition(b"\n")[0]
    except OSError:
        return []
    words = first[2:].split()
    return [os.fsdecode(words[0])] if first.startswith(b"#!") and words else []
