"""``secretary extract``: reads files on this machine, without the API.

The package ``secretary-documents`` does the work. It is imported only here and only when the
command runs, because the client is installed without it.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from secretary_client.client import Client
from secretary_client.error import NotExtracted
from secretary_client.output import print_note, write

_ENDINGS = {"text": "txt", "markdown": "md", "html": "html", "json": "json"}
_OPTIONS = ("output", "extraction_method", "page_start", "page_end", "language", "password")


def extract(_: Client, options: argparse.Namespace) -> None:
    """Read files on this machine and write their text; no API and no key are needed."""
    documents = _documents_package()
    given = {name: value for name in _OPTIONS if (value := getattr(options, name)) is not None}
    failures = 0
    for path in options.files:
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
        _write(document, path, options)
    if failures:
        raise NotExtracted(failures, len(options.files))


def _documents_package() -> Any:
    try:
        return importlib.import_module("secretary_documents")
    except ModuleNotFoundError as error:
        message = "extract needs the package secretary-documents: pip install ./libs/documents"
        raise ValueError(message) from error


def _write(document: Any, path: Path, options: argparse.Namespace) -> None:
    """Write *document* and the documents inside it: to files, or to standard output."""
    parts = [one for one in document.all() if one.text]
    for number, part in enumerate(parts):
        if options.output_dir:
            ending = _ENDINGS[part.output]
            inside = f"_{number}" if part is not document else ""
            options.output_dir.mkdir(parents=True, exist_ok=True)
            target = options.output_dir / f"{path.name}{inside}.{ending}"
            target.write_text(part.text, encoding="utf-8", errors="replace")
            print_note(str(target))
            continue
        if len(parts) > 1 or len(options.files) > 1:
            write(f"=== {part.name} ===\n")
        write(part.text)
