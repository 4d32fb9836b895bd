"""A font of empty glyphs that can carry the text of any script.

The font has one glyph for all characters. Each character that is used gets a number, and the map
``ToUnicode`` (ISO 32000-1, 9.10.3) says which character the number means.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pymupdf

ASCENT, DESCENT, ADVANCE = 800, -200, 500
"""The measures of each glyph in thousandths of the font size."""
MOST_CHARACTERS = 0xFFFE
"""A number has two bytes. The number 0 means a missing character."""
# A block of ToUnicode has at most this number of lines (Adobe technical note 5014).
_BLOCK = 100
_NAME = "Glyphless"
_GLYPHS = 2

_TO_UNICODE = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{blocks}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


class GlyphlessFont:
    """The font of one document. ``finish`` writes it when all characters are known."""

    def __init__(self, document: pymupdf.Document) -> None:
        self._document = document
        self._numbers: dict[str, int] = {}
        self.xref = document.get_new_xref()
        """The object of the font."""

    def encode(self, text: str) -> str:
        """Return *text* as the hexadecimal digits of a string in a content stream."""
        return "".join(f"{self._number_of(char):04X}" for char in text)

    def _number_of(self, char: str) -> int:
        if char not in self._numbers and len(self._numbers) < MOST_CHARACTERS:
            self._numbers[char] = len(self._numbers) + 1
        return self._numbers.get(char, 0)

    def finish(self) -> None:
        """Write the objects of the font into the document."""
        program = self._stream(font_program())
        to_unicode = self._stream("".join(self._map()).encode())
        # All characters have the same glyph.
        glyphs = self._stream(struct.pack(">H", 1) * (len(self._numbers) + 1))
        descriptor = self._object(
            f"<< /Type /FontDescriptor /FontName /{_NAME} /Flags 5 "
            f"/FontBBox [0 {DESCENT} {ADVANCE} {ASCENT}] /ItalicAngle 0 /Ascent {ASCENT} "
            f"/Descent {DESCENT} /CapHeight {ASCENT} /StemV 80 /FontFile2 {program} 0 R >>"
        )
        descendant = self._object(
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{_NAME} /CIDSystemInfo "
            "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
            f"/FontDescriptor {descriptor} 0 R /DW {ADVANCE} /CIDToGIDMap {glyphs} 0 R >>"
        )
        self._document.update_object(
            self.xref,
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{_NAME} /Encoding /Identity-H "
            f"/DescendantFonts [{descendant} 0 R] /ToUnicode {to_unicode} 0 R >>",
        )

    def _object(self, definition: str) -> int:
        xref = int(self._document.get_new_xref())
        self._document.update_object(xref, definition)
        return xref

    def _stream(self, content: bytes) -> int:
        xref = self._object("<< >>")
        self._document.update_stream(xref, content, compress=True)
        return xref

    def _map(self) -> Iterator[str]:
        pairs = [
            f"<{number:04X}> <{char.encode('utf-16-be', 'replace').hex().upper()}>\n"
            for char, number in self._numbers.items()
        ]
        blocks = [pairs[start : start + _BLOCK] for start in range(0, len(pairs), _BLOCK)]
        written = (f"{len(block)} beginbfchar\n{''.join(block)}endbfchar" for block in blocks)
        yield _TO_UNICODE.format(blocks="\n".join(written))


def font_program() -> bytes:
    """Return a TrueType font with two empty glyphs, as ISO 32000-1 (9.9) requires it."""
    tables = {
        b"glyf": bytes(4),
        b"head": _head(),
        b"hhea": struct.pack(
            ">IhhhH3h3h4hhH",
            0x10000,
            ASCENT,
            DESCENT,
            0,
            ADVANCE,
            *(0, 0, 0),
            *(1, 0, 0),
            *(0, 0, 0, 0),
            0,
            1,
        ),
        b"hmtx": struct.pack(">Hhh", ADVANCE, 0, 0),
        b"loca": struct.pack(">3H", 0, 0, 0),
        b"maxp": struct.pack(">I14H", 0x10000, _GLYPHS, *(0, 0, 0, 0), 1, *[0] * 8),
    }
    count = len(tables)
    power = count.bit_length() - 1
    header = struct.pack(">IHHHH", 0x10000, count, 2**power * 16, power, (count - 2**power) * 16)
    offset = len(header) + 16 * count
    directory, body = b"", b""
    for tag, content in tables.items():
        directory += struct.pack(
            ">4sIII", tag, _checksum(content), offset + len(body), len(content)
        )
        body += _padded(content)
    return header + directory + body


def _head() -> bytes:
    # Version, revision, checksum, magic number, flags, units for each em, two times; then the box,
    # style, smallest size, direction, and the formats of loca and glyf.
    return struct.pack(
        ">IIIIHHqqhhhhHHhhh",
        *(0x10000, 0x10000, 0, 0x5F0F3CF5, 0, 1000, 0, 0),
        *(0, DESCENT, ADVANCE, ASCENT, 0, 8, 2, 0, 0),
    )


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def _checksum(content: bytes) -> int:
    padded = _padded(content)
    total = sum(word for (word,) in struct.iter_unpack(">I", padded))
    return int(total) & 0xFFFFFFFF
