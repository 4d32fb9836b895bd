"""Where a document comes from: a file under an allowed folder, or a URL. Either way an open file.

What was vetted is what is read: everything after goes by the open descriptor, never by the name
again, so nobody can put another file in its place in between; and what lies in a folder of others
is read from a copy, so nobody can change it either.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from secretary_common.errors import ErrorCode, PermanentError, TransientError

# Readers look for the header in the first 1024 bytes (ISO 32000-1, annex H.3.4.1, note 13).
PDF_MARK = b"%PDF"
PDF_MARK_WITHIN = 1024
_CHUNK = 2**20

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file to read: its descriptor, its size in bytes, and what to call it."""

    fd: int
    name: str
    size: int

    @property
    def path(self) -> str:
        """A path to this very file, here and in a child that kept the descriptor."""
        return f"/dev/fd/{self.fd}"


@contextmanager
def open_under_roots(filename: str, roots: Iterable[Path], max_bytes: int) -> Iterator[OpenFile]:
    """Open *filename* (relative ones: under the first root that has it), if it is allowed.

    Raises:
        PermanentError: FILE_OUTSIDE_ROOTS, FILE_NOT_FOUND or PDF_TOO_LARGE.
    """
    real_roots = [Path(os.path.realpath(root)) for root in roots]
    real = resolve_filename(filename, real_roots)
    fd = _open(real, filename)
    try:
        # A folder on the way may have been exchanged since: asked of the open file itself.
        if not is_under(Path(os.path.realpath(f"/proc/self/fd/{fd}")), real_roots):
            raise _outside(filename)
        size = os.fstat(fd).st_size
        check_size(size, max_bytes)
        yield OpenFile(fd, Path(filename).name, size)
    finally:
        os.close(fd)


@asynccontextmanager
async def private_copy(file: OpenFile, max_bytes: int) -> AsyncIterator[OpenFile]:
    """*file* as it is now, to be read in peace: in a file without a name, gone afterwards.

    Raises:
        PermanentError: PDF_TOO_LARGE, it has grown.
        TransientError: somebody is writing to it, or there is no room on the disk.
    """
    with tempfile.TemporaryFile() as copy:
        try:
            size = await asyncio.to_thread(_copy, file.fd, copy.fileno(), max_bytes)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise TransientError("there is no room for the file on the worker's disk") from error
        yield OpenFile(copy.fileno(), file.name, size)


def _copy(source: int, target: int, max_bytes: int) -> int:
    before, offset = _version(source), 0
    while chunk := os.pread(source, _CHUNK, offset):
        offset += len(chunk)
        check_size(offset, max_bytes)
        while chunk:
            chunk = chunk[os.write(target, chunk) :]
    if _version(source) != before:
        raise TransientError("the file changed while it was read: it may be whole the next time")
    return offset


def _version(fd: int) -> tuple[int, int, int]:
    found = os.fstat(fd)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def resolve_filename(filename: str, real_roots: list[Path]) -> Path:
    """Where *filename* really leads, every symbolic link followed.

    Raises:
        PermanentError: FILE_OUTSIDE_ROOTS, not under any of *real_roots*; said before anything
            about whether it exists.
    """
    if "\0" in filename:
        raise _not_found(filename)
    # An absolute name stays itself when it is joined to a root.
    places = [Path(os.path.realpath(root / filename)) for root in real_roots]
    allowed = [place for place in places if is_under(place, real_roots)]
    if not allowed:
        raise _outside(filename)
    return next((place for place in allowed if _exists(place)), allowed[0])


def is_under(path: Path, roots: Iterable[Path]) -> bool:
    """Whether *path* lies in one of *roots*; both must be resolved."""
    return any(path.is_relative_to(root) for root in roots)


def check_size(size: int, max_bytes: int) -> None:
    """Refuse a file of more than *max_bytes*.

    Raises:
        PermanentError: PDF_TOO_LARGE.
    """
    if size > max_bytes:
        message = f"the file has {size} bytes, at most {max_bytes} are allowed"
        raise PermanentError(message, code=ErrorCode.PDF_TOO_LARGE)


def check_pdf_mark(file: OpenFile) -> None:
    """Refuse a file that does not say it is a PDF, whatever its name says.

    Raises:
        PermanentError: PDF_INVALID.
    """
    if PDF_MARK not in os.pread(file.fd, PDF_MARK_WITHIN, 0):
        raise PermanentError("the file is no PDF", code=ErrorCode.PDF_INVALID)


async def digest(file: OpenFile) -> str:
    """The SHA-256 of *file*, in hexadecimal; computed beside the event loop."""
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
        # A link put there since is not followed; a pipe does not make the worker wait.
        fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise _not_found(filename) from None
        raise
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise _not_found(filename)


def _not_found(filename: str) -> PermanentError:
    message = "no such file, or not one the worker may read"
    return PermanentError(message, code=ErrorCode.FILE_NOT_FOUND, details={"filename": filename})


def _outside(filename: str) -> PermanentError:
    message = "the file is not in a folder that jobs may read (files.roots)"
    details = {"filename": filename}
    return PermanentError(message, code=ErrorCode.FILE_OUTSIDE_ROOTS, details=details)
