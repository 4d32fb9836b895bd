"""``secretary extract``: reads files on this machine, without the API.

The package ``secretary-documents`` does the work. It is imported only here and only when the
command runs, because the client is installed without it.
"""

from __future__ import annotations

import importlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from secretary_client.command.output import print_note, write
from secretary_client.command.parameters import without_none
from secretary_client.command.registration import HERE as PANEL
from secretary_client.command.registration import command
from secretary_client.command.session import Session
from secretary_client.error import NotExtracted

_ENDINGS = {"text": "txt", "markdown": "md", "html": "html", "json": "json"}


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
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files of this machine.")],
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
    page_start: Annotated[int | None, typer.Option(min=0, metavar="PAGE")] = None,
    page_end: Annotated[int | None, typer.Option(min=0, metavar="PAGE")] = None,
    password: Annotated[str | None, typer.Option(help="Of an encrypted PDF.")] = None,
) -> None:
    """Read files on this machine and write their text; no API and no key are needed."""
    documents = _documents_package()
    given = without_none(
        output=output and str(output),
        extraction_method=method and str(method),
        page_start=page_start,
        page_end=page_end,
        language=language or None,
        password=password,
    )
    failures = 0
    for path in files:
        try:
            document = documents.extract(path, **given)
        except Exception as error:
            if not isinstance(error, OSError) and not hasattr(error, "code"):
                raise  # no error of a reader
            print_note(f"secretary: {path}: {error}")
            failures += 1
            continue
        for warning in document.warnings:
            print_note(f"{path}: {warning}")
        _write(document, path, output_dir, titled=len(files) > 1)
    if failures:
        raise NotExtracted(failures, len(files))


def _documents_package() -> Any:
    try:
        return importlib.import_module("secretary_documents")
    except ModuleNotFoundError as error:
        message = "extract needs the package secretary-documents: pip install ./libs/documents"
        raise ValueError(message) from error


def _write(document: Any, path: Path, folder: Path | None, *, titled: bool) -> None:
    """Write *document* and the documents inside it: to files, or to standard output."""
    parts = [one for one in document.all() if one.text]
    for number, part in enumerate(parts):
        if folder:
            ending = _ENDINGS[part.output]
            inside = f"_{number}" if part is not document else ""
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{path.name}{inside}.{ending}"
            target.write_text(part.text, encoding="utf-8", errors="replace")
            print_note(str(target))
            continue
        if titled or len(parts) > 1:
            write(f"=== {part.name} ===\n")
        write(part.text)


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    command(app, extract, PANEL)
