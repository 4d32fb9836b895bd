"""Detects the encoding of a page and decodes the page. Raises no errors."""

from __future__ import annotations

import codecs
import re

_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,500}?charset\s*+=\s*+[\"']?+\s*+([\w.:-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"\s{0,100}<\?xml\s[^<>]{0,200}?encoding\s*+=\s*+[\"']([\w.:-]{1,40})[\"']")
_META_WITHIN = 4096  # the HTML standard says 1024 bytes; some pages start with long comments
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Encodings that pages use. Python also has codecs that are no encodings (punycode, unicode_escape).
_KNOWN = ("utf-8", "utf-16", "iso8859", "iso2022_jp", "cp", "koi8", "gb", "big5", "euc", "mac")
_LABELS = {
    "iso-8859-8-i": "iso8859-8",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "windows-949": "cp949",
}
"""Labels that Python does not know, without ``x-`` before them."""
_MEANT = {
    **dict.fromkeys(("ascii", "iso8859-1"), "cp1252"),
    **dict.fromkeys(("iso8859-11", "tis-620"), "cp874"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
}
"""The larger encodings that programs mean when they name a smaller one (Encoding Standard)."""


def decode(content: bytes, content_type: str) -> str:
    """Return *content* as text.

    The encoding comes from the byte order mark, else from *content_type*, else from a meta tag or
    the XML declaration in the page. Without any of them it is UTF-8, or Windows-1252 if *content*
    is not UTF-8. A few damaged bytes do not count.
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
        text = content.decode(errors="replace")
        damaged = text.count("\ufffd")
        beyond_ascii = len(text) - len(text.encode("ascii", errors="ignore"))
        # In another encoding, most letters beyond ASCII are no UTF-8.
        return text if beyond_ascii > 2 * damaged else content.decode("cp1252", errors="replace")


def _declared(start: bytes) -> str | None:
    match = _META.search(start) or _XML.match(start)
    if match is None:
        return None
    name = encoding_named(match[1].decode("ascii", errors="replace"))
    # A page whose declaration is readable as ASCII cannot be in UTF-16.
    return "utf-8" if name is not None and name.startswith("utf-16") else name


def _named(match: re.Match[str] | None) -> str | None:
    return None if match is None else encoding_named(match[1])


def encoding_named(label: str) -> str | None:
    """Return Python's name of the encoding that *label* means; None if it is unknown."""
    plain = label.lower().removeprefix("x-")
    try:
        name = codecs.lookup(_LABELS.get(plain, plain)).name
    except (LookupError, ValueError):
        return None
    name = _MEANT.get(name, name)
    return name if name.startswith(_KNOWN) else None
