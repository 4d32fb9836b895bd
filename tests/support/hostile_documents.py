"""Hostile PDFs, and other files under the name of a PDF. Each is small, and made here.

The kinds are those by which readers of PDFs were attacked before: endless or circular structures,
small files that unpack to much, broken streams for native decoders, references to files, programs
and hosts, and files of other formats.
"""

from __future__ import annotations

import gzip
import io
import random
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Mapping

from support import pdf_bombs
from support.pdf_bombs import assemble, one_page, stream

_PAGES = b"<</Type/Pages/Count 1/Kids[3 0 R]>>"
_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]%s>>"
_IMAGE = b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceRGB"
_DRAW_IMAGE = b"q 99 0 0 99 0 0 cm /I Do Q"
_TEXT = b"BT /X 9 Tf 5 5 Td (text) Tj ET"


def _catalog(entries: bytes, *objects: bytes, page: bytes = b"") -> bytes:
    """Return a PDF of one page; *objects* have the numbers from 4."""
    return assemble([b"<</Type/Catalog/Pages 2 0 R%s>>" % entries, _PAGES, _PAGE % page, *objects])


def _raw(entries: bytes, data: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def _image(entries: bytes, data: bytes, side: int = 64) -> bytes:
    head = (_IMAGE % (side, side)).removeprefix(b"<<") + entries
    return one_page(_DRAW_IMAGE, b"/XObject<</I 5 0 R>>", [_raw(head, data)])


def _font(entries: bytes, *objects: bytes) -> bytes:
    font = b"<</Type/Font%s>>" % entries
    return one_page(_TEXT, b"/Font<</X 5 0 R>>", [font, *objects])


def _font_file(kind: bytes) -> bytes:
    descriptor = b"<</Type/FontDescriptor/FontName/X/Flags 4/%s 7 0 R>>" % kind
    entries = b"/Subtype/TrueType/BaseFont/X/FirstChar 0/LastChar 255/FontDescriptor 6 0 R"
    return _font(entries, descriptor, stream(noise(5000), b"/Subtype/Type1C"))


def noise(size: int) -> bytes:
    """Return *size* random bytes, always the same."""
    return random.Random(43).randbytes(size)


def _circular_xref() -> bytes:
    whole = _catalog(b"")
    start = whole.rindex(b"xref\n0")
    return whole.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % start)


def _object_stream_in_itself() -> bytes:
    body = _raw(b"/Type/ObjStm/N 2/First 10/Extends 4 0 R", b"4 0 5 9   (x)      (y)")
    return _catalog(b"/X 4 0 R", body)


def _many_filters() -> bytes:
    data = b"q Q"
    for _ in range(300):
        data = zlib.compress(data, 0)
    filters = b"/FlateDecode" * 300
    return one_page(_raw(b"/Filter[%s]" % filters, data), b"", [])


def _circular_pattern() -> bytes:
    entries = (
        b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep .001/YStep .001"
        b"/Resources<</Pattern<</P 5 0 R>>>>"
    )
    draw = b"/Pattern cs /P scn 0 0 99 99 re f"
    return one_page(draw, b"/Pattern<</P 5 0 R>>", [stream(draw, entries)])


def _circular_type3() -> bytes:
    entries = (
        b"/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[.1 0 0 .1 0 0]/CharProcs<</t 6 0 R/e 6 0 R"
        b"/x 6 0 R>>/Encoding<</Differences[101/e 116/t 120/x]>>/FirstChar 101/LastChar 120"
        b"/Widths[%s]/Resources<</Font<</X 5 0 R>>>>" % (b"9 " * 20)
    )
    return _font(entries, stream(b"9 0 d0 " + _TEXT, b""))


def _circular_mask() -> bytes:
    form = stream(
        b"/G gs /F Do",
        b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Group<</S/Transparency>>/Resources<<"
        b"/ExtGState<</G<</SMask<</S/Luminosity/G 5 0 R>>>>>>/XObject<</F 5 0 R>>>>",
    )
    return one_page(b"/F Do", b"/XObject<</F 5 0 R>>", [form])


def _deep_function() -> bytes:
    code = b"{" * 50_000 + b"}" * 50_000
    function = stream(code, b"/FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]")
    shading = b"/Shading<</S<</ShadingType 1/ColorSpace/DeviceRGB/Function 5 0 R>>>>"
    return one_page(b"/S sh", shading, [function])


def _wide_map() -> bytes:
    ranges = b"100 beginbfrange\n" + b"<0000> <FFFF> <0000>\n" * 100 + b"endbfrange\n"
    cmap = stream(b"begincmap\n" + ranges * 200 + b"endcmap", b"")
    return _font(b"/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R", cmap)


def _predictor() -> bytes:
    parameters = b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 2147483647/Colors 32>>"
    return one_page(_raw(parameters, zlib.compress(b"x" * 1000)), b"", [])


def _zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(50 * 2**20))
    return file.getvalue()


def _sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(8000))
    return file.getvalue()


def _jpeg_header() -> bytes:
    return (
        b"\xff\xd8\xff\xc0\x00\x11\x08"
        + struct.pack(">HH", 65535, 65535)
        + b"\x03"
        + b"\x01\x11\x00" * 3
    )


ENTITY = b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"
LAUGHS = b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY a0 'ha'>%s]><a>&a20;</a>" % b"".join(
    b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 21)
)
PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(200)

HOSTILE: Mapping[str, Callable[[], bytes]] = {
    "nested forms": pdf_bombs.nested_forms,
    "many operators": lambda: pdf_bombs.many_operators(1_000_000),
    "packed twice": lambda: pdf_bombs.packed_twice(256),
    "deep states": lambda: pdf_bombs.deep_states(1_000_000),
    "huge page": pdf_bombs.huge_page,
    "huge image": lambda: pdf_bombs.huge_image(20_000),
    "lying count": pdf_bombs.lying_count,
    "circular tree": pdf_bombs.circular_tree,
    "circular form": pdf_bombs.circular_form,
    "deep arrays": lambda: pdf_bombs.deep_arrays(200_000),
    "circular pattern": _circular_pattern,
    "circular glyph": _circular_type3,
    "circular mask": _circular_mask,
    "circular table": _circular_xref,
    "circular outline": lambda: _catalog(
        b"/Outlines 4 0 R",
        b"<</First 5 0 R/Last 5 0 R/Count 9>>",
        b"<</Title(x)/Parent 4 0 R/First 5 0 R/Next 5 0 R/Dest[3 0 R/Fit]>>",
    ),
    "circular names": lambda: _catalog(
        b"/PageLabels 4 0 R/Names<</Dests 4 0 R>>", b"<</Kids[4 0 R]>>"
    ),
    "circular annotation": lambda: _catalog(
        b"",
        b"<</Type/Annot/Subtype/Stamp/Rect[0 0 9 9]/AP<</N 5 0 R>>/Popup 4 0 R/Parent 4 0 R>>",
        stream(b"/F Do", b"/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F 5 0 R>>>>"),
        page=b"/Annots[4 0 R 4 0 R]",
    ),
    "object stream in itself": _object_stream_in_itself,
    "many filters": _many_filters,
    "deep function": _deep_function,
    "wide character map": _wide_map,
    "wide predictor": _predictor,
    "broken TrueType": lambda: _font_file(b"FontFile2"),
    "broken CFF": lambda: _font_file(b"FontFile3"),
    "broken JBIG2": lambda: _image(b"/Filter/JBIG2Decode", noise(3000)),
    "broken JPEG 2000": lambda: _image(
        b"/Filter/JPXDecode", b"\0\0\0\x0cjP  \r\n\x87\n" + noise(3000)
    ),
    "lying JPEG": lambda: _image(b"/Filter/DCTDecode", _jpeg_header(), 65_000),
    "broken fax": lambda: _image(
        b"/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 99999999>>", noise(999)
    ),
    "broken LZW": lambda: one_page(_raw(b"/Filter/LZWDecode", noise(9999)), b"", []),
    "script": lambda: _catalog(b"/OpenAction<</S/JavaScript/JS(while\\(1\\){})>>"),
    "program to launch": lambda: _catalog(b"/OpenAction<</S/Launch/F(/bin/sh)>>"),
    "form from a host": lambda: _catalog(
        b"/OpenAction<</S/GoToR/F(http://169.254.169.254/x.pdf)>>"
    ),
    "stream in a file": lambda: one_page(_raw(b"/F(/etc/passwd)", b""), b"", []),
    "embedded program": lambda: _catalog(
        b"/Names<</EmbeddedFiles<</Names[(x)4 0 R]>>>>",
        b"<</Type/Filespec/F(../../x.sh)/EF<</F 5 0 R>>>>",
        stream(b"#!/bin/sh\nid\n", b"/Type/EmbeddedFile"),
    ),
    "entity in metadata": lambda: _catalog(
        b"/Metadata 4 0 R", stream(ENTITY, b"/Type/Metadata/Subtype/XML")
    ),
    "entity in a form": lambda: _catalog(b"/AcroForm<</XFA 4 0 R/Fields[]>>", stream(ENTITY, b"")),
    "unknown encryption": lambda: _catalog(b"").replace(
        b"/Root", b"/Encrypt<</Filter/X/V 9/R 9/O(x)/U(y)/P -1>>/Root"
    ),
    "wrong box": lambda: _catalog(b"").replace(b"[0 0 99 99]", b"[9 -1 -99999999999 (x)]"),
    "cut off": lambda: pdf_bombs.many_operators(5000)[:-700],
    "without a table": lambda: pdf_bombs.many_operators(500).partition(b"xref")[0],
    "after a megabyte": lambda: noise(2**20) + _catalog(b""),
}
"""PDFs. Each function makes one."""

RENAMED: Mapping[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "zeros": lambda: bytes(2**20),
    "noise": lambda: noise(2**20),
    "Word": _zip_bomb,
    "gzip": lambda: gzip.compress(bytes(20 * 2**20)),
    "HTML": lambda: b"<html><script>while(1);</script><img src=http://169.254.169.254/>",
    "SVG": lambda: (
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
    ),
    "XML": lambda: LAUGHS,
    "PostScript": lambda: b"%!PS-Adobe-3.0\n{} loop\n",
    "program": lambda: PROGRAM,
    "database": lambda: b"SQLite format 3\0" + bytes(4096),
    "sound": _sound,
}
"""Files of other formats. Each function makes one."""
