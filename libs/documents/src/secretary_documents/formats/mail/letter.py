"""Adds the headers and the text of a mail as one page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.limits import encrypted
from secretary_documents.formats.markup.html import read_html

_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f/\\]+")
_LONGEST_NAME = 200
# The identifier of encrypted content (RFC 5652, "enveloped-data"), as the file has it.
_ENVELOPED = bytes.fromhex("06092a864886f70d010703")
_IDENTIFIED_WITHIN = 40


@dataclass(frozen=True, slots=True)
class LetterText:
    """A text in two forms, of which one may be empty."""

    plain: str
    html: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail without its attachments."""

    headers: dict[str, str]
    """From, To, Cc, Date and Subject; a missing one is empty."""
    texts: Sequence[LetterText]
    """One text, unless a program has added others, such as a notice of a mailing list."""


def add_letter(letter: Letter, builder: Builder) -> None:
    """Add *letter*: the subject as the heading, then the headers, then the text.

    A text is read from HTML if the mail has it, because plain text has no structure.
    """
    subject = letter.headers.get("Subject", "").strip()
    builder.title = subject or None
    builder.author = letter.headers.get("From", "").strip() or None
    builder.start_page()
    builder.heading([run(subject or "(no subject)")], 1)
    for name, value in letter.headers.items():
        if value.strip() and name != "Subject":
            builder.paragraph([run(f"{name}: {value}")])
    for text in letter.texts:
        _add_text(text, builder)


def _add_text(text: LetterText, builder: Builder) -> None:
    blocks = len(builder.pages[-1].layout.blocks)
    if text.html.strip():
        title = builder.title
        read_html(text.html, builder)
        builder.title = title
    if len(builder.pages[-1].layout.blocks) == blocks:
        for paragraph in _PARAGRAPHS.split(text.plain.replace("\r\n", "\n")):
            builder.paragraph([run(paragraph)])


def check_not_enveloped(content: bytes) -> None:
    """Check that *content*, which is the whole mail as CMS, is not encrypted.

    Raises:
        PermanentError: DOCUMENT_ENCRYPTED.
    """
    if _ENVELOPED in content[:_IDENTIFIED_WITHIN]:
        raise encrypted("the mail is encrypted (S/MIME)")


def member_name(name: str) -> str:
    """Return the *name* of an attachment without folders and control characters."""
    cleaned = _NOT_IN_NAMES.sub("_", name).strip() or "attachment"
    return cleaned[:_LONGEST_NAME]
