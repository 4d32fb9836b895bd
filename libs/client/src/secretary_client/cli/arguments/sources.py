"""The files that a command line names: files, folders, standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

STANDARD_INPUT = Path("-")


def files_in(given: Iterable[str]) -> list[Path]:
    """Return the files that *given* names; a folder stands for all its visible files, sorted.

    Raises:
        typer.BadParameter: a path does not exist.
    """
    return [path for one in given for path in _files_of(Path(one))]


def _files_of(path: Path) -> Iterator[Path]:
    if path == STANDARD_INPUT or path.is_file():
        yield path
    elif path.is_dir():
        visible = (one for one in path.rglob("*") if not _is_hidden(one.relative_to(path)))
        yield from sorted(one for one in visible if one.is_file())
    else:
        raise typer.BadParameter(f"{str(path)!r} is neither a file nor NAME=VALUE")


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def name_of(path: Path) -> str:
    """Return the name of a file for its upload."""
    return "stdin" if path == STANDARD_INPUT else path.name


def content_of(path: Path) -> bytes | Path:
    """Return what the client uploads for *path*."""
    return sys.stdin.buffer.read() if path == STANDARD_INPUT else path
