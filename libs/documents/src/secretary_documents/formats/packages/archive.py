"""Opens a ZIP file within limits on its members and on what they unpack to."""

from __future__ import annotations

import posixpath
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self
from urllib.parse import unquote

from secretary_documents.formats.limits import FileLimits, damaged, encrypted, too_large

_PIECE = 2**20
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError)
_ENCRYPTED, _UTF8_NAME = 0x1, 0x800
"""Flags of a member."""


class Archive:
    """A ZIP file. All its members together may unpack to a limited number of bytes."""

    def __init__(self, path: str, limits: FileLimits) -> None:
        """Open the ZIP file at *path*.

        Raises:
            PermanentError: DOCUMENT_INVALID, or DOCUMENT_TOO_LARGE with too many members.
        """
        self._limits = limits
        self._unpacked: dict[str, int] = {}
        """The unpacked bytes of each member. A picture may be read for each place where it is."""
        with _faults():
            self._file = zipfile.ZipFile(path)
        members = self._file.infolist()
        if len(members) > limits.max_members:
            raise too_large(f"the ZIP file has more than {limits.max_members} members")
        self._members = {_name_of(member): member for member in members}

    @classmethod
    def of(cls, path: str, limits: FileLimits) -> Self:
        """Return the archive at *path*."""
        return cls(path, limits)

    @property
    def names(self) -> list[str]:
        """The names of all members, in the order of the file."""
        return list(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def size(self, name: str) -> int:
        """Return the size of a member, as the file states it."""
        return self._members[name].file_size

    def read(self, name: str) -> bytes:
        """Return the content of a member.

        Raises:
            PermanentError: DOCUMENT_INVALID, the member is missing or damaged;
                DOCUMENT_ENCRYPTED, it needs a password; DOCUMENT_TOO_LARGE.
        """
        member = self._members.get(name)
        if member is None:
            raise damaged(f"the part {name[:200]} is missing")
        if member.flag_bits & _ENCRYPTED:
            raise encrypted("a part of the ZIP file needs a password")
        pieces: list[bytes] = []
        others = sum(self._unpacked.values()) - self._unpacked.get(name, 0)
        size = 0
        with _faults(), self._file.open(member) as file:
            while piece := file.read(_PIECE):
                size += len(piece)
                if others + size > self._limits.max_unpacked_bytes:
                    most = self._limits.max_unpacked_bytes
                    raise too_large(f"the ZIP file unpacks to more than {most} bytes")
                pieces.append(piece)
        self._unpacked[name] = size
        return b"".join(pieces)

    def read_if_there(self, name: str) -> bytes | None:
        """Return the content of a member; None if there is no such member."""
        return self.read(name) if name in self._members else None


def _name_of(member: zipfile.ZipInfo) -> str:
    """Return the name of *member*. macOS writes names in UTF-8, and does not say so."""
    if member.flag_bits & _UTF8_NAME or member.filename.isascii():
        return member.filename
    try:
        return unicodedata.normalize("NFC", member.filename.encode("cp437").decode())
    except UnicodeError:
        return member.filename


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, NotImplementedError):
            raise damaged("the ZIP file is packed in an unknown way") from error
        raise encrypted("a part of the ZIP file needs a password") from error
    except _FAULTS as error:
        raise damaged("the ZIP file is damaged") from error


def joined(base: str, target: str) -> str:
    """Return the name of the member that *target* in the member *base* refers to."""
    path = unquote(target.partition("#")[0])
    if path.startswith("/"):
        return posixpath.normpath(path).lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), path)).lstrip("/")
