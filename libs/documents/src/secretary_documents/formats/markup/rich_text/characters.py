"""Finds the characters of rich text (RTF): encodings of fonts, and characters in two halves."""

from __future__ import annotations

import struct

_USUAL = "cp1252"
CODE_PAGES = {
    0: "cp1252", 2: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949",
    130: "johab", 134: "gb18030", 136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258",
    177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
    255: "cp437",
}  # fmt: skip
"""The encodings of the character sets of fonts (``fcharset``); 1 means that of the text."""
_OF_CODE_PAGES = {
    10000: "mac_roman", 10006: "mac_greek", 10007: "mac_cyrillic", 10029: "mac_latin2",
    10079: "mac_iceland", 10081: "mac_turkish", 20127: "cp1252", 20866: "koi8-r",
    20932: "euc_jp", 20936: "gb18030", 21866: "koi8-u", 28591: "cp1252", 28599: "cp1254",
    **{28590 + part: f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 13, 15)},
    38598: "iso8859-8", 50220: "iso2022_jp", 50221: "iso2022_jp", 50222: "iso2022_jp",
    51932: "euc_jp", 51936: "gb18030", 51949: "cp949", 52936: "hz", 54936: "gb18030",
    65000: "utf-7", 65001: "utf-8",
}  # fmt: skip
"""The encodings of the numbers of Windows of which Python knows no ``cp``."""
# A character beyond 16 bits is written as two halves.
_FIRST_HALVES, _SECOND_HALVES = range(0xD800, 0xDC00), range(0xDC00, 0xE000)


class FontEncodings:
    """The encodings of the fonts of one text."""

    def __init__(self) -> None:
        self._by_font: dict[int, str] = {}
        self._font = 0
        self._default = _USUAL

    def choose(self, font: int | None) -> str:
        """Return the encoding of *font*, to which the next ``set_charset`` belongs."""
        self._font = font or 0
        return self._by_font.get(self._font, self._default)

    def set_charset(self, number: int | None) -> None:
        """Note the character set of the font that was chosen last (``fcharset``)."""
        self._by_font[self._font] = CODE_PAGES.get(number or 0, self._default)

    def set_default(self, code_page: int | None) -> str:
        """Note the code page of the text (``ansicpg``); return its encoding."""
        self._default = encoding_of(code_page)
        return self._default


class Halves:
    """Joins the two halves of a character beyond 16 bits."""

    def __init__(self) -> None:
        self._first = 0

    def character(self, number: int | None) -> str:
        """Return the character of a word ``u`` with *number*; "" if the other half is missing."""
        code = (number or 0) % 0x10000
        if code in _FIRST_HALVES:
            self._first = code
            return ""
        if code not in _SECOND_HALVES:
            return chr(code)
        first, self._first = self._first, 0
        return struct.pack("<HH", first, code).decode("utf-16-le") if first else ""


def encoding_of(code_page: int | None) -> str:
    """Return the encoding with the number of a code page of Windows (``ansicpg``)."""
    name = _OF_CODE_PAGES.get(code_page or 0, f"cp{code_page}")
    try:
        "".encode(name)
    except LookupError:
        return _USUAL
    return name
