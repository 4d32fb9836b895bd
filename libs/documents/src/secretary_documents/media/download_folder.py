"""A folder to which an untrusted program writes: checks its limits, and opens only plain files."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker import OpenFile

MOST_FILES = 10_000
_CHECK_SEC = 0.2


@dataclass(frozen=True, slots=True)
class DownloadFolder:
    """A folder with limits for its total size and its number of files (``MOST_FILES``)."""

    path: Path
    max_bytes: int

    async def watch(self) -> None:
        """Check the limits every 0.2 s until cancelled.

        Raises:
            PermanentError: MEDIA_TOO_LARGE.
        """
        while True:
            await asyncio.sleep(_CHECK_SEC)
            self.check_limits()

    def check_limits(self) -> None:
        """Check the limits once.

        Raises:
            PermanentError: MEDIA_TOO_LARGE.
        """
        total = 0
        for count, size in enumerate(_sizes(self.path), 1):
            total += size
            if total > self.max_bytes or count > MOST_FILES:
                limit = f"{self.max_bytes} bytes or {MOST_FILES} files"
                message = f"the recording needs more than {limit}"
                raise PermanentError(message, code=ErrorCode.MEDIA_TOO_LARGE)

    def named(self, stem: str) -> list[Path]:
        """Return the files of the folder whose names begin with ``<stem>.``, shortest first."""
        found = (path for path in self.path.iterdir() if path.name.startswith(f"{stem}."))
        return sorted(found, key=lambda path: (len(path.name), path.name))


@contextmanager
def open_plain_file(path: Path) -> Iterator[OpenFile | None]:
    """Open the file at *path*. Yield None if the file is missing, empty or not plain (a link)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        status = os.fstat(fd)
        is_plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size > 0
        yield OpenFile(fd, path.name, status.st_size) if is_plain else None
    finally:
        os.close(fd)


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the size of each file under *folder*. Files may appear and disappear meanwhile."""
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - thousands of them
            except OSError:
                yield 0
