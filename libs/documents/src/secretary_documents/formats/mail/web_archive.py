"""Reads HTML that stands alone or in a mail (MHT), such as parts of Word documents."""

from __future__ import annotations

import email
import email.policy

from secretary_documents.formats.builder import Builder
from secretary_documents.formats.mail.eml import text_of
from secretary_documents.formats.markup.html import read_html
from secretary_documents.formats.text_kinds import text_format
from secretary_documents.web.charset import decode

_SAMPLE = 64 * 1024


def add_web_archive(content: bytes, builder: Builder) -> None:
    """Add the HTML in *content*, also if it stands in a mail (MHT). Add nothing if it has none."""
    html = decode(content, "")
    kind = text_format(html[:_SAMPLE])
    if kind == "eml":
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(("html",))
        html = "" if body is None else text_of(body)
    elif kind != "html":
        return
    title, author = builder.title, builder.author
    read_html(html, builder)
    builder.title, builder.author = title, author
