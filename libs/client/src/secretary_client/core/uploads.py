"""What can be uploaded: a path, bytes or an open file."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from secretary_client.core.effect import Flow, Work

Uploadable = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
"""A path, the content itself, or a file that is open in binary mode."""
_CONTENT = (bytes, bytearray, memoryview)
OnProgress = Callable[[int, int], object]
"""Called with the bytes that were read so far, and the bytes of the whole file."""


class UploadFile:
    """A file from its current position to its end, which a repeated request reads again."""

    def __init__(self, file: IO[bytes], on_progress: OnProgress | None) -> None:
        """*file* must be seekable."""
        self._file = file
        self._start = file.tell()
        self._size = file.seek(0, os.SEEK_END) - self._start
        self._on_progress = on_progress
        self.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._file.read(size)
        if self._on_progress:
            self._on_progress(self.tell(), self._size)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; the position 0 is where the file was when it was given."""
        place = offset + self._start if whence == os.SEEK_SET else offset
        return self._file.seek(place, whence) - self._start

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell() - self._start


def seekable(given: Uploadable, held: ExitStack) -> Flow[IO[bytes]]:
    """Return *given* as a seekable file; *held* closes what was opened for it.

    Raises:
        OSError: the path cannot be opened.
        TypeError: the file is open in text mode, or *given* is no file.
    """
    if isinstance(given, _CONTENT):
        return io.BytesIO(given)
    if isinstance(given, (str, os.PathLike)):
        path = Path(given)
        return held.enter_context((yield Work(lambda: path.open("rb"))))
    if isinstance(given, io.TextIOBase):
        raise TypeError("the file is open in text mode: open it with open(path, 'rb')")
    if not hasattr(given, "seekable"):
        raise TypeError(f"{type(given).__name__} is no path, no bytes and no open file")
    if given.seekable():
        return given
    copy = held.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - *held* closes it
    yield Work(lambda: shutil.copyfileobj(given, copy))
    copy.seek(0)
    return copy


def name_of(given: Uploadable) -> str:
    """Return the name for the upload of *given*."""
    if isinstance(given, _CONTENT):
        return "upload"
    path = given if isinstance(given, (str, os.PathLike)) else getattr(given, "name", None)
    return Path(path).name if isinstance(path, (str, os.PathLike)) else "upload"


def sendable(name: str) -> str:
    """Return *name* without what UTF-8 cannot write: a system may have names in other encodings."""
    return name.encode(errors="replace").decode()
