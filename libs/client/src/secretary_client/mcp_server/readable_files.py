"""Which files of this machine the tools may read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from secretary_client.mcp_server.refusal import Refusal


class ReadableFiles:
    """The files under some folders, after symbolic links."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """*folders*: if there are none, no file may be read."""
        self._folders = tuple(folder.resolve() for folder in folders)

    @classmethod
    def all(cls) -> Self:
        """Return all files of this machine."""
        return cls([Path("/")])

    def checked(self, path: str) -> Path:
        """Return *path* without symbolic links.

        Raises:
            Refusal: the file is in none of the folders, or it is no file.
        """
        try:
            found = Path(path).expanduser().resolve()
        except (RuntimeError, ValueError) as error:  # no such home, a loop of links, NUL
            raise Refusal("FILE_NOT_FOUND", f"{path!r} is no path: {error}") from error
        if not any(found.is_relative_to(folder) for folder in self._folders):
            allowed = ", ".join(map(str, self._folders)) or "none: give the content as base64"
            raise Refusal("FILE_OUTSIDE_FOLDERS", f"{path} is in no allowed folder ({allowed})")
        if not found.is_file():
            raise Refusal("FILE_NOT_FOUND", f"there is no file {path}")
        return found
