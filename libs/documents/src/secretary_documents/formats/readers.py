"""The reader of each format that becomes blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from secretary_documents.formats.builder import Builder
from secretary_documents.formats.mail.eml import read_mail
from secretary_documents.formats.mail.outlook import read_outlook
from secretary_documents.formats.mail.web_archive import add_web_archive
from secretary_documents.formats.markup.book import read_book
from secretary_documents.formats.markup.rich_text.reader import read_rich_text
from secretary_documents.formats.markup.text_files import (
    read_csv,
    read_html_file,
    read_markdown,
    read_text,
)
from secretary_documents.formats.packages.archive_files import read_archive
from secretary_documents.formats.packages.open_document.reader import read_open_document
from secretary_documents.formats.packages.sheets import read_sheets
from secretary_documents.formats.packages.slides import read_slides
from secretary_documents.formats.packages.word.reader import read_word

Read = Callable[[str, Builder], None]
"""Reads the file at a path into a builder."""

READERS: dict[str, Read] = {
    "csv": read_csv,
    "docx": partial(read_word, add_html=add_web_archive),
    "eml": read_mail,
    "epub": read_book,
    "html": read_html_file,
    "md": read_markdown,
    "msg": read_outlook,
    "odp": read_open_document,
    "ods": read_sheets,
    "odt": read_open_document,
    "pptx": read_slides,
    "rtf": read_rich_text,
    "txt": read_text,
    "xls": read_sheets,
    "xlsx": read_sheets,
    "zip": read_archive,
}
"""By the name of the format."""
