"""Opens what a caller wants to have read: a path, or the bytes of a file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.runtime.temporary_file import temporary_file
from secretary_worker import OpenFile

MAX_BYTES = 2 * 2**30
"""The largest file, in bytes."""
Source = str | os.PathLike[str] | bytes | bytearray | memoryview


@contextmanager
def opened(source: Source, name: str | None) -> Iterator[OpenFile]:
    """Open *source*.

    Args:
        source: a path, or the bytes of a file.
        name: the name to show; by default that of the path.

    Raises:
        PermanentError: the file is too large, is no regular file, or *source* is a URL.
        OSError: there is no such file, or it cannot be opened.
        TypeError: *source* is something else.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        size = memoryview(source).nbytes
        _check_size(size)
        with temporary_file(size) as file:
            file.write(source)
            file.flush()
            file.truncate()
            yield OpenFile(file.fileno(), name or "document", size)
        return
    if not isinstance(source, (str, os.PathLike)):
        given = type(source).__name__
        message = f"the source is a path or the bytes of a file, not a {given}"
        raise TypeError(message)
    descriptor = _open(source)
    try:
        size = os.fstat(descriptor).st_size
        _check_size(size)
        yield OpenFile(descriptor, name or Path(source).name, size)
    finally:
        os.close(descriptor)


def _open(path: str | os.PathLike[str]) -> int:
    """Open the regular file at *path*. A pipe or a device could block, or never end."""
    if "://" in str(path) and not Path(path).exists():
        message = f"{path} is a URL, and only files of this machine are read: fetch it first"
        raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    message = f"{path} is no regular file, but a pipe or a device: give its bytes"
    raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        message = f"the file has {size} bytes, at most {MAX_BYTES} are allowed"
        raise PermanentError(message, code=ErrorCode.FILE_TOO_LARGE)
