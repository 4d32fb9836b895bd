"""The files that a command line names: files, folders, standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

STANDARD_INPUT = Path("-")


def files_in(given: Iterable[str], *, apart_from: Path | None = None) -> list[Path]:
    """Return the files that *given* names; a folder stands for all its visible files, sorted.

    Args:
        given: paths of files and folders, or ``-``.
        apart_from: a folder for results; inside another folder, its files are earlier results and
            are left out.

    Raises:
        typer.BadParameter: a path does not exist.
    """
    results = apart_from.resolve() if apart_from else None
    return [path for one in given for path in _files_of(Path(one), results)]


def _files_of(path: Path, results: Path | None) -> Iterator[Path]:
    if path == STANDARD_INPUT or path.is_file():
        yield path
    elif path.is_dir():
        left_out = None if results == path.resolve() else results
        visible = (one for one in path.rglob("*") if not _is_hidden(one.relative_to(path)))
        files = (one for one in visible if one.is_file())
        yield from sorted(one for one in files if left_out not in one.resolve().parents)
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
