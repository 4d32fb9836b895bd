"""Reads mails in the format of the internet (RFC 5322)."""

from __future__ import annotations

import email
import email.policy
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage, Message, MIMEPart
from functools import partial
from pathlib import Path

from secretary_documents.formats.builder import Builder
from secretary_documents.formats.limits import encrypted, too_large
from secretary_documents.formats.mail.letter import (
    Letter,
    LetterText,
    add_letter,
    check_not_enveloped,
    member_name,
)
from secretary_documents.web.charset import decode, encoding_named

_MOST_PARTS = 2000
_NEXT_MAIL = re.compile(rb"\r?\n\r?\nFrom [^\r\n]{1,300}\r?\n(?=[A-Za-z][A-Za-z0-9-]{0,60}:)")
_CMS = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_NO_CHARACTER = "\ufffd"
_PLAIN, _HTML = "text/plain", "text/html"


@dataclass(slots=True)
class _Forms:
    """The parts of a text in its two forms."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)

    @property
    def text(self) -> LetterText:
        return LetterText("\n\n".join(self.plain), "\n".join(self.html))


def read_mail(path: str, builder: Builder) -> None:
    """Read the mail at *path*: its headers and text, and its attachments as members.

    The further mails of a mailbox are members too.
    """
    content, others = _mails_in(Path(path).read_bytes())
    message = email.message_from_bytes(content, policy=email.policy.default)
    _check_encryption(message)
    texts: defaultdict[EmailMessage, _Forms] = defaultdict(_Forms)
    attachments: list[EmailMessage] = []
    for part, whole in _parts(message):
        is_broken = part.get_content_maintype() == "multipart"  # it has text in place of parts
        kind = _PLAIN if is_broken else part.get_content_type()
        if kind in (_PLAIN, _HTML) and not _is_attachment(part):
            forms = texts[whole]
            (forms.plain if kind == _PLAIN else forms.html).append(text_of(part))
        else:
            attachments.append(part)
    headers = {name: _header(message, name) for name in ("From", "To", "Cc", "Date", "Subject")}
    add_letter(Letter(headers, [forms.text for forms in texts.values()]), builder)
    for number, part in enumerate(attachments, start=1):
        _add_attachment(part, number, builder)
    for number, mail in enumerate(others, start=2):
        builder.member(f"mail_{number}.eml", len(mail), partial(bytes, mail))


def _mails_in(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return the first mail in *content*, and the others if it is a mailbox.

    In a mailbox (mbox) a line that is no header begins each mail.
    """
    if not content.startswith(b"From "):
        return content, []
    first, *others = _NEXT_MAIL.split(content[content.find(b"\n") + 1 :])
    return first, others


def _check_encryption(message: EmailMessage) -> None:
    """Check that the text of the mail is not encrypted.

    Raises:
        PermanentError: DOCUMENT_ENCRYPTED.
    """
    kind = message.get_content_type()
    if kind == "multipart/encrypted":
        raise encrypted("the mail is encrypted (PGP)")
    if kind in _CMS:
        check_not_enveloped(_content_of(message))


def _header(message: EmailMessage, name: str) -> str:
    try:
        text = str(message.get(name, ""))
        return _unencoded(message, name) if _NO_CHARACTER in text else text
    except (ValueError, TypeError, LookupError, AttributeError):  # a header that is no header
        return ""


def _unencoded(message: EmailMessage, name: str) -> str:
    """Return a header whose letters stand in it as bytes, as old programs write them."""
    raw = next(value for found, value in message.raw_items() if found.lower() == name.lower())
    return " ".join(decode(str(raw).encode("ascii", "surrogateescape"), "").split())


def _parts(message: EmailMessage) -> Iterator[tuple[EmailMessage, EmailMessage]]:
    """Yield the parts that are not made of parts; a mail inside the mail is one part.

    With each comes the outermost part whose parts are forms of the same text, or the part itself.

    Raises:
        PermanentError: DOCUMENT_TOO_LARGE, there are too many.
    """
    stack: list[tuple[EmailMessage, EmailMessage | None]] = [(message, None)]
    count = 0
    while stack:
        part, whole = stack.pop()
        if _has_parts(part):
            if whole is None and part.get_content_subtype() == "alternative":
                whole = part
            inner = [one for one in part.iter_parts() if isinstance(one, EmailMessage)]
            stack += [(one, whole) for one in reversed(inner)]
        else:
            count += 1
            if count > _MOST_PARTS:
                raise too_large(f"the mail has more than {_MOST_PARTS} parts")
            yield part, part if whole is None else whole


def _has_parts(part: EmailMessage) -> bool:
    return part.get_content_maintype() == "multipart" and part.is_multipart()


def _is_attachment(part: EmailMessage) -> bool:
    try:
        return part.is_attachment() or bool(part.get_filename())
    except (ValueError, TypeError, LookupError, AttributeError):
        return True


def text_of(part: MIMEPart) -> str:
    """Return the text of *part*. If its encoding is unknown, the text is decoded as it looks."""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        charset = part.get_content_charset("us-ascii")
        if charset == "us-ascii":  # also that of programs that name none and write UTF-8
            return decode(content, "")
        if encoding_named(charset):
            return decode(content, f"charset={charset}")
        return str(part.get_content())  # in an encoding of mails alone, such as UTF-7
    except (LookupError, ValueError, KeyError):  # an unknown encoding
        return decode(content, "")


def _add_attachment(part: EmailMessage, number: int, builder: Builder) -> None:
    content = _content_of(part)
    if not content:
        return
    try:
        name = part.get_filename() or ""
    except (ValueError, TypeError, LookupError, AttributeError):
        name = ""
    if not name:
        extension = (
            "eml" if part.get_content_maintype() == "message" else part.get_content_subtype()
        )
        name = f"attachment_{number}.{extension}"
    builder.member(member_name(name), len(content), partial(bytes, content))


def _content_of(part: EmailMessage) -> bytes:
    if part.get_content_maintype() == "message":
        inner = part.get_payload()
        if isinstance(inner, list):  # of several, if it reports for several recipients
            return b"".join(one.as_bytes() for one in inner if isinstance(one, Message))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
