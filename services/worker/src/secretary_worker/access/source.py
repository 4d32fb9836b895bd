"""Opens local files that a job names: only under allowed folders, and safe against exchange.

The file that was checked is the file that is read: after the check all code uses the open
descriptor and never the name. So no process can put another file in its place. ``private_copy``
also protects a handler from a process that changes the content of the file.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from secretary_common.errors import (
    ErrorCode,
    Lack,
    PermanentError,
    TransientError,
    WorkerUnfit,
)
from secretary_common.runtime.temporary_file import temporary_file
from secretary_worker.access.job_scope import current_scope

_CHUNK = 2**20

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file open for reading: its descriptor, its name to show, its size in bytes."""

    fd: int
    name: str
    size: int

    @property
    def path(self) -> str:
        """A path to this open file, valid here and in a child that inherited the descriptor."""
        return f"/dev/fd/{self.fd}"


@contextmanager
def open_under_roots(
    filename: str,
    roots: Iterable[Path],
    max_bytes: int,
    *,
    too_large: str = ErrorCode.FILE_TOO_LARGE,
) -> Iterator[OpenFile]:
    """Open *filename* for reading if it lies under one of *roots*.

    A relative name is looked up in each root. The first root that has the file is used. If the API
    key of the job has folders of its own (``file_roots``), only those inside *roots* count.

    Args:
        filename: absolute or relative.
        roots: the allowed folders, usually ``HandlerContext.file_roots``.
        max_bytes: the largest allowed size, in bytes.
        too_large: the error code for a larger file.

    Raises:
        PermanentError: FILE_OUTSIDE_ROOTS, FILE_NOT_FOUND or *too_large*.
        WorkerUnfit: the file was not found, and one of *roots* is empty or unreadable.
        OSError: the file cannot be opened for another reason, such as no free descriptor.
    """
    real_roots = [Path(os.path.realpath(root)) for root in roots]
    allowed_roots = _allowed(real_roots)
    real = resolve_filename(filename, allowed_roots)
    try:
        fd = _open(real, filename)
    except PermanentError as not_found:
        if unfit := _unfit(real_roots, not_found):
            raise unfit from not_found
        raise
    try:
        # A folder on the path may have been exchanged since the check, so check the open file.
        if not is_under(Path(os.path.realpath(f"/proc/self/fd/{fd}")), allowed_roots):
            raise _outside(filename)
        size = os.fstat(fd).st_size
        check_size(size, max_bytes, too_large)
        yield OpenFile(fd, Path(filename).name, size)
    finally:
        os.close(fd)


@asynccontextmanager
async def private_copy(
    file: OpenFile, max_bytes: int, *, too_large: str = ErrorCode.FILE_TOO_LARGE
) -> AsyncIterator[OpenFile]:
    """Yield a copy of *file*. The copy has no name and is gone when the context ends.

    Raises:
        PermanentError: *too_large*, the file has grown beyond *max_bytes*.
        TransientError: the file changed during the copy.
        WorkerUnfit: the worker has no room for the copy.
    """
    with temporary_file(file.size) as copy:
        size = await asyncio.to_thread(_copy, file.fd, copy.fileno(), max_bytes, too_large)
        yield OpenFile(copy.fileno(), file.name, size)


def _copy(source: int, target: int, max_bytes: int, too_large: str) -> int:
    before, offset = _version(source), 0
    while chunk := os.pread(source, _CHUNK, offset):
        offset += len(chunk)
        check_size(offset, max_bytes, too_large)
        while chunk:
            chunk = chunk[os.write(target, chunk) :]
    if _version(source) != before:
        raise TransientError("the file changed while it was read; the next attempt reads it again")
    return offset


def _version(fd: int) -> tuple[int, int, int]:
    found = os.fstat(fd)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _allowed(real_roots: list[Path]) -> list[Path]:
    """Return the roots that the job in the current context may use."""
    scope = current_scope()
    if scope is None or scope.file_roots is None:
        return real_roots
    own = [Path(os.path.realpath(folder)) for folder in scope.file_roots]
    return [folder for folder in own if is_under(folder, real_roots)]


def resolve_filename(filename: str, real_roots: list[Path]) -> Path:
    """Return the path of *filename* with every symbolic link followed. The file may be missing.

    Raises:
        PermanentError: FILE_OUTSIDE_ROOTS, the path is not under any of *real_roots*. This error
            does not reveal whether the file exists. FILE_NOT_FOUND, the name contains NUL.
    """
    if "\0" in filename:
        raise _not_found(filename)
    # An absolute name stays as it is when it is joined to a root.
    places = [Path(os.path.realpath(root / filename)) for root in real_roots]
    allowed = [place for place in places if is_under(place, real_roots)]
    if not allowed:
        raise _outside(filename)
    return next((place for place in allowed if _exists(place)), allowed[0])


def is_under(path: Path, roots: Iterable[Path]) -> bool:
    """Return whether *path* lies in one of *roots*. All paths must have their links resolved."""
    return any(path.is_relative_to(root) for root in roots)


def check_size(size: int, max_bytes: int, too_large: str) -> None:
    """Refuse a *size* above *max_bytes*.

    Raises:
        PermanentError: *too_large*.
    """
    if size > max_bytes:
        message = f"the file has {size} bytes, at most {max_bytes} are allowed"
        raise PermanentError(message, code=too_large)


async def digest(file: OpenFile) -> str:
    """Return the SHA-256 of *file* in hexadecimal. A thread computes it."""
    return await asyncio.to_thread(_sha256, file.fd)


def _sha256(fd: int) -> str:
    found = hashlib.sha256()
    offset = 0
    while chunk := os.pread(fd, _CHUNK, offset):
        found.update(chunk)
        offset += len(chunk)
    return found.hexdigest()


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _open(real: Path, filename: str) -> int:
    try:
        # A link created since the check is not followed. A pipe does not block the worker.
        fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise _not_found(filename) from None
        raise
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise _not_found(filename)


def _unfit(roots: Iterable[Path], not_found: PermanentError) -> WorkerUnfit | None:
    """Return the error for a worker that cannot read one of *roots*; None if it can read all.

    A folder without entries counts as unreadable, because a mount may have failed. But the folder
    may be empty on purpose. So after several workers the job ends with *not_found*.
    """
    for root in roots:
        try:
            with os.scandir(root) as entries:
                if next(entries, None) is not None:
                    continue
        except OSError as error:
            message = f"the worker cannot read {root} of files.roots ({error.strerror})"
            return WorkerUnfit(Lack.FILE_ROOTS, message)
        message = f"the folder {root} of files.roots is empty; a mount may be missing"
        return WorkerUnfit(Lack.FILE_ROOTS, message, otherwise=not_found)
    return None


def _not_found(filename: str) -> PermanentError:
    message = "there is no such file, or the worker may not read it"
    return PermanentError(message, code=ErrorCode.FILE_NOT_FOUND, details={"filename": filename})


def _outside(filename: str) -> PermanentError:
    message = "the file is not in a folder that jobs may read (files.roots)"
    details = {"filename": filename}
    return PermanentError(message, code=ErrorCode.FILE_OUTSIDE_ROOTS, details=details)
