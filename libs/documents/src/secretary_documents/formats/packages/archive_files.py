"""Lists the files of a ZIP archive. Each is a document of its own."""

from __future__ import annotations

from functools import partial

from secretary_documents.formats.builder import Builder
from secretary_documents.formats.packages.archive import Archive

_LEFT_OUT = "__MACOSX/"
_NO_FILES = ("/", ".DS_Store", "Thumbs.db", "desktop.ini")


def read_archive(path: str, builder: Builder) -> None:
    """Add the files of the ZIP archive at *path* to *builder*."""
    archive = Archive(path, builder.limits)
    for name in archive.names:
        if not (name.startswith(_LEFT_OUT) or name.endswith(_NO_FILES)):
            builder.member(name, archive.size(name), partial(archive.read, name))
