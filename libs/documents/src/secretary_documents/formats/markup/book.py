"""Reads electronic books (EPUB): each chapter is a page."""

from __future__ import annotations

from functools import partial
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder, Load
from secretary_documents.formats.limits import damaged, encrypted
from secretary_documents.formats.markup.html import read_html, with_end_tags
from secretary_documents.formats.packages.archive import Archive, joined
from secretary_documents.formats.packages.open_xml import text_of
from secretary_documents.formats.packages.xml import parse_xml
from secretary_documents.web.charset import decode

# The last one is of books of before 2007.
_TEXTS = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")
# Fonts may be obfuscated without a key; then the text is readable all the same.
_OBFUSCATED = ("idpf.org/2008/embedding", "adobe.com/pdf/enc#RC")


def read_book(path: str, builder: Builder) -> None:
    """Read the book at *path* into *builder*, in the order of its spine."""
    archive = Archive(path, builder.limits)
    _check_readable(archive)
    part = _package_part(archive)
    package = parse_xml(archive.read(part))
    builder.title = text_of(package.find(".//title"))
    builder.author = text_of(package.find(".//creator"))
    items = {one.get("id", ""): one for one in package.iter("item")}
    for reference in package.iter("itemref"):
        item = items.get(reference.get("idref", ""))
        if item is None or "nav" in item.get("properties", "").split():
            continue  # the table of contents, which only repeats the headings
        if item.get("media-type") in _TEXTS:
            _chapter(archive, joined(part, item.get("href", "")), builder)


def _check_readable(archive: Archive) -> None:
    content = archive.read_if_there("META-INF/encryption.xml")
    if content is None:
        return
    for method in parse_xml(content).iter("EncryptionMethod"):
        if not any(name in method.get("Algorithm", "") for name in _OBFUSCATED):
            raise encrypted("the book is encrypted")


def _package_part(archive: Archive) -> str:
    root: Element = parse_xml(archive.read("META-INF/container.xml"))
    file = root.find(".//rootfile")
    if file is None or not file.get("full-path"):
        raise damaged("the book does not name its content")
    return file.get("full-path", "")


def _chapter(archive: Archive, name: str, builder: Builder) -> None:
    if name not in archive:
        return

    def find_picture(source: str) -> Load | None:
        picture = joined(name, source)
        return partial(archive.read, picture) if picture in archive else None

    builder.start_page()
    title = builder.title
    xhtml = with_end_tags(decode(archive.read(name), ""))
    read_html(xhtml, builder, find_picture=find_picture)
    builder.title = title
