"""What an OpenDocument file says about itself: title, author, and whether it is encrypted."""

from __future__ import annotations

from secretary_documents.formats.builder import Builder
from secretary_documents.formats.limits import encrypted
from secretary_documents.formats.packages.archive import Archive
from secretary_documents.formats.packages.open_xml import text_of
from secretary_documents.formats.packages.xml import parse_xml


def check_encryption(archive: Archive) -> None:
    """Check that no part of an OpenDocument file is encrypted.

    Raises:
        PermanentError: DOCUMENT_ENCRYPTED.
    """
    manifest = archive.read_if_there("META-INF/manifest.xml")
    if manifest is not None and b"encryption-data" in manifest:
        raise encrypted()


def add_meta(archive: Archive, builder: Builder) -> None:
    """Add the title and the author to *builder*."""
    if meta := archive.read_if_there("meta.xml"):
        root = parse_xml(meta)
        found = text_of(root.find(".//creator")) or text_of(root.find(".//initial-creator"))
        builder.title, builder.author = text_of(root.find(".//title")), found
