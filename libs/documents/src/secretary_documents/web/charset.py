"""Detects the encoding of a page and decodes the page. Raises no errors."""

from __future__ import annotations

import codecs
import re

_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,500}?charset\s*+=\s*+[\"']?+\s*+([\w.:-]{1,40})", re.IGNORECASE)
_META_WITHIN = 4096  # the HTML standard says 1024 bytes; some pages start with long comments
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Encodings that pages use. Python also has codecs that are no encodings (punycode, unicode_escape).
_KNOWN = ("utf-8", "utf-16", "iso8859", "cp", "koi8", "gb", "big5", "euc", "shift_jis", "mac")
_LATIN = ("ascii", "iso8859-1", "latin-1")


def decode(content: bytes, content_type: str) -> str:
    """Return *content* as text.

    The encoding comes from the byte order mark, else from *content_type*, else from a meta tag in
    the page. Without any of them it is UTF-8, or Windows-1252 if *content* is not UTF-8.
    """
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            return content[len(mark) :].decode(name, errors="replace")
    named = _named(_HEADER.search(content_type)) or _declared(content[:_META_WITHIN])
    if named is not None:
        return content.decode(named, errors="replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _declared(start: bytes) -> str | None:
    match = _META.search(start)
    if match is None:
        return None
    name = _known(match[1].decode("ascii", errors="replace"))
    # A page whose declaration is readable as ASCII cannot be in UTF-16.
    return "utf-8" if name is not None and name.startswith("utf-16") else name


def _named(match: re.Match[str] | None) -> str | None:
    return None if match is None else _known(match[1])


def _known(label: str) -> str | None:
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    if name in _LATIN:  # on the web, Latin-1 means Windows-1252
        return "cp1252"
    return name if name.startswith(_KNOWN) else None
