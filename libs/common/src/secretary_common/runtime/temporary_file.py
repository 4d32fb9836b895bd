"""Opens temporary files; a full disk and missing descriptors become ``WorkerUnfit``."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from typing import BinaryIO

from secretary_common.errors import ErrorCode, Lack, WorkerUnfit

RESERVED_FROM_BYTES = 16 * 2**20
"""Smaller files need no reservation: a disk without that much room is full for every job."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})


@contextlib.contextmanager
def temporary_file(expected_bytes: int = 0) -> Iterator[BufferedRandom]:
    """Open a file without a name for reading and writing; the end of the context removes it.

    The room of a large file (16 MiB or more) is reserved first. So a large file that does not fit
    fails at once, and one that fits does not fail halfway.

    Raises:
        WorkerUnfit: NO_ROOM, here or in the context; or no file can be opened.
    """
    with unfit_if_disk_full(), open_temporary() as file:
        reserve(file, expected_bytes)
        yield file


@contextlib.contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Make a folder; the end of the context removes the folder with its content.

    Raises:
        WorkerUnfit: NO_ROOM, here or in the context; or no folder can be made.
    """
    with unfit_if_disk_full():
        try:
            folder = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        except OSError as error:
            raise _unfit(error) from error
        with folder as name:
            yield Path(name)


def reserve(file: BinaryIO, size: int) -> None:
    """Reserve *size* bytes for the empty *file*, if they are many; the file may get this size.

    Raises:
        OSError: there is no room.
    """
    if size < RESERVED_FROM_BYTES:
        return
    free = os.fstatvfs(file.fileno())
    if free.f_bavail * free.f_frsize < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with contextlib.suppress(AttributeError):  # not on macOS
        os.posix_fallocate(file.fileno(), 0, size)
    # What was written over the reserved range keeps its room; the rest is given back at the end.
    file.seek(0)


@contextlib.contextmanager
def unfit_if_disk_full() -> Iterator[None]:
    """Raise ``WorkerUnfit`` (NO_ROOM) in place of the error of a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise _unfit(error) from error


def open_temporary() -> BufferedRandom:
    """Return an open file without a name; closing the file removes it.

    Raises:
        WorkerUnfit: no file can be opened.
    """
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise _unfit(error) from error


def _unfit(error: OSError) -> WorkerUnfit:
    if error.errno in _NO_ROOM:
        return no_room()
    reason = error.strerror or str(error)
    if error.errno in _NO_DESCRIPTORS:
        return WorkerUnfit(Lack.DESCRIPTORS, f"the worker can open no file ({reason})")
    return WorkerUnfit(Lack.TEMPORARY_FILES, f"the worker can make no temporary file ({reason})")


def no_room() -> WorkerUnfit:
    """Return the error of a full disk."""
    message = "the worker's disk has no room for the file"
    return WorkerUnfit(Lack.ROOM, message, code=ErrorCode.NO_ROOM)
