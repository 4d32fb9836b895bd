"""``secretary extract``: reads files on this machine, without the API.

The package ``secretary-documents`` does the work. It is imported only here and only when the
command runs, because the client is installed without it.
"""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from secretary_client.cli.arguments.sources import content_of, files_in, name_of
from secretary_client.cli.failures import NotExtracted
from secretary_client.cli.registration import HERE as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.cli.terminal.output import print_note, write
from secretary_client.core.fields import given

_ENDINGS = {"text": "txt", "markdown": "md", "html": "html", "json": "json"}
_UNSAFE = re.compile(r"[^\w.() -]")
_MOST_CHARACTERS = 40
"""Of the name of a document inside a file. They may need four bytes each."""


class Output(StrEnum):
    """The forms of the text."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


class Method(StrEnum):
    """How the text of PDFs and pictures is read."""

    NATIVE = "native"
    OCR = "ocr"
    COMBINED = "combined"


def extract(
    _: Session,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", help="Files of this machine, folders, or - for standard input."
        ),
    ],
    *,
    output: Annotated[
        Output | None, typer.Option(help="The form of the text.", show_default="markdown")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a file for each document.")
    ] = None,
    method: Annotated[
        Method | None, typer.Option(help="For PDFs and pictures.", show_default="combined")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="For OCR, such as eng.")
    ] = None,
    page_start: Annotated[
        int | None, typer.Option(min=0, metavar="PAGE", help="Read from this page on.")
    ] = None,
    page_end: Annotated[
        int | None, typer.Option(min=0, metavar="PAGE", help="Read up to this page.")
    ] = None,
    password: Annotated[str | None, typer.Option(help="Of an encrypted PDF.")] = None,
) -> None:
    """Read files on this machine and write their text; no API and no key are needed."""
    documents = _documents_package()
    options = given(
        output=output and str(output),
        extraction_method=method and str(method),
        page_start=page_start,
        page_end=page_end,
        language=language or None,
        password=password,
    )
    sources = [source for path in files for source in _sources_at(path, apart_from=output_dir)]
    if not sources:
        raise ValueError("the folder has no files")
    read = partial(documents.extract, **options)
    writer = _FolderWriter(output_dir) if output_dir else _OutputWriter(titled=len(sources) > 1)
    failures = [source for source in sources if not _extract_one(source, read, writer)]
    if failures:
        raise NotExtracted(len(failures), len(sources))


def _documents_package() -> Any:
    try:
        return importlib.import_module("secretary_documents")
    except ModuleNotFoundError as error:
        message = "extract needs the package secretary-documents: pip install ./libs/documents"
        raise ValueError(message) from error


@dataclass(frozen=True, slots=True)
class _Source:
    """A file to read."""

    path: Path
    place: Path
    """Where its text is written in the folder for results, without an ending."""

    def content(self) -> bytes | Path:
        """Return its bytes if it can only be read once, as standard input, else its path."""
        return self.path.read_bytes() if self.path.is_fifo() else content_of(self.path)


def _sources_at(path: Path, *, apart_from: Path | None) -> Iterator[_Source]:
    """Yield *path*, or all files in it if it is a folder, without earlier results."""
    if not path.is_dir():
        yield _Source(path, Path(name_of(path)))
        return
    for one in files_in([str(path)], apart_from=apart_from):
        yield _Source(one, one.relative_to(path))


def _extract_one(source: _Source, read: Callable[..., Any], writer: _Writer) -> bool:
    """Read a file and write its text, or why it was not read; return whether it was read."""
    try:
        document = read(source.content(), name=source.place.name)
        for warning in document.warnings:
            print_note(f"{source.path}: {warning}")
        writer.write(document, source)
    except BrokenPipeError:
        raise  # the program that reads the output has ended
    except Exception as error:
        if not isinstance(error, OSError) and not hasattr(error, "code"):
            raise  # no error of a reader
        print_note(f"secretary: {source.path}: {_reason(error)}")
        return False
    return True


def _reason(error: Exception) -> str:
    """Return what went wrong, without the path that the system adds."""
    system = isinstance(error, OSError) and error.strerror
    return system.lower() if system else str(error)


class _Writer(Protocol):
    """Writes the text of a document where the command line says."""

    def write(self, document: Any, source: _Source) -> None:
        """Write *document* and the documents inside it."""


class _OutputWriter:
    """Writes texts to standard output."""

    def __init__(self, *, titled: bool) -> None:
        self._titled = titled

    def write(self, document: Any, source: _Source) -> None:
        """Write *document* and the documents inside it."""
        parts = _parts_with_text(document, source)
        for part in parts:
            if self._titled or len(parts) > 1:
                write(f"=== {source.path if part is document else part.name} ===\n")
            write(part.text)


class _FolderWriter:
    """Writes a file for each text, and none over another one of the same call."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._written: set[Path] = set()

    def write(self, document: Any, source: _Source) -> None:
        """Write *document* and the documents inside it, whose files have their names too."""
        for number, part in enumerate(_parts_with_text(document, source)):
            inside = "" if part is document else f"_{number}_{_safe(part.name)}"
            name = self._free(source.place, inside, _ENDINGS[part.output])
            name.parent.mkdir(parents=True, exist_ok=True)
            name.write_text(part.text, encoding="utf-8", errors="replace")
            print_note(str(name))

    def _free(self, place: Path, inside: str, ending: str) -> Path:
        """Return a path that no text of this call has; a number makes a second one different."""
        for number in itertools.count(1):
            again = f" ({number})" if number > 1 else ""
            path = self._folder / place.parent / f"{place.name}{again}{inside}.{ending}"
            if path not in self._written:
                self._written.add(path)
                return path
        raise AssertionError  # the count has no end


def _parts_with_text(document: Any, source: _Source) -> list[Any]:
    parts = [one for one in document.all() if one.text]
    if not parts:
        print_note(f"{source.path}: it has no text")
    return parts


def _safe(name: str) -> str:
    """Return *name*, which comes from a file, as the part of a file's name."""
    return _UNSAFE.sub("_", name)[-_MOST_CHARACTERS:]


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    command(app, extract, PANEL)
