"""Generates hostile PDFs: small files that need endless time or memory, or that lie."""

from __future__ import annotations

import zlib
from collections.abc import Sequence


def nested_forms(depth: int = 20) -> bytes:
    """Return a small PDF that draws 10 to the power of *depth* strings: nested forms."""
    forms = [b"/F Do " * 10] * depth
    leaf = b"BT /T 9 Tf (boom) Tj ET"
    first = 5
    objects = [
        stream(
            content,
            b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</XObject<</F %d 0 R>>>>"
            % (first + index + 1),
        )
        for index, content in enumerate(forms)
    ]
    objects.append(
        stream(leaf, b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</Font<</T 4 0 R>>>>")
    )
    return one_page(b"/F Do", b"/XObject<</F %d 0 R>>" % first, objects)


def many_operators(operators: int = 6_000_000) -> bytes:
    """Return a small PDF that unpacks to *operators* strings on one page."""
    content = b"BT /T 9 Tf " + b"1 0 Td (abcdefgh) Tj " * operators + b"ET"
    return one_page(content, b"/Font<</T 4 0 R>>", [])


def slow_pages(pages: int = 300, operators: int = 8_000) -> bytes:
    """Return a PDF of *pages* with the same content. Reading each takes a while (about 20 ms)."""
    content = b"BT /T 9 Tf 1 80 Td (slow) Tj " + b"1 0 Td (abcdefgh) Tj " * operators + b"ET"
    kids = b" ".join(b"%d 0 R" % (5 + number) for number in range(pages))
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 3 0 R"
        b"/Resources<</Font<</T 4 0 R>>>>>>"
    )
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    tree = b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids)
    catalog = b"<</Type/Catalog/Pages 2 0 R>>"
    return assemble([catalog, tree, stream(content, b""), font, *[page] * pages])


def packed_twice(mebibytes: int = 1024) -> bytes:
    """Return a page whose content is *mebibytes* of blanks, compressed twice."""
    packer = zlib.compressobj(9)
    once = b"".join(packer.compress(b" " * 2**20) for _ in range(mebibytes)) + packer.flush()
    packed = zlib.compress(once, 9)
    head = b"<</Filter[/FlateDecode/FlateDecode]/Length %d>>" % len(packed)
    return one_page(head + b"stream\n" + packed + b"\nendstream", b"", [])


def deep_states(depth: int = 5_000_000) -> bytes:
    """Return a page that saves the graphics state *depth* times."""
    return one_page(b"q " * depth, b"", [])


def huge_page() -> bytes:
    """Return a page that is 200,000 points, which are 70 m, wide and high."""
    return one_page(b"BT /T 9 Tf 5 5 Td (x) Tj ET", b"/Font<</T 4 0 R>>", [], side=200_000)


def huge_image(side: int = 60_000) -> bytes:
    """Return a page with an RGB image of *side* times *side* pixels that packs to a few bytes."""
    packer = zlib.compressobj(9)
    row = bytes(side * 3)
    data = b"".join(packer.compress(row) for _ in range(side // 100)) + packer.flush()
    head = (
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8"
        b"/ColorSpace/DeviceRGB/Filter/FlateDecode/Length %d>>" % (side, side, len(data))
    )
    image = head + b"stream\n" + data + b"\nendstream"
    return one_page(b"q 99 0 0 99 0 0 cm /I Do Q", b"/XObject<</I 5 0 R>>", [image])


def lying_count(count: int = 2_000_000_000) -> bytes:
    """Return one page in a page tree that claims *count* pages."""
    return one_page(b"", b"", [], count=count)


def circular_tree() -> bytes:
    """Return a page tree that contains itself."""
    return assemble([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 9/Kids[2 0 R]>>"])


def circular_form() -> bytes:
    """Return a page with a form that draws itself."""
    form = stream(
        b"/F Do /F Do",
        b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</XObject<</F 5 0 R>>>>",
    )
    return one_page(b"/F Do", b"/XObject<</F 5 0 R>>", [form])


def deep_arrays(depth: int = 1_000_000) -> bytes:
    """Return a page with arrays that are nested *depth* times."""
    return one_page(b"", b"/X %s%s" % (b"[" * depth, b"]" * depth), [])


def one_page(
    content: bytes, resources: bytes, objects: Sequence[bytes], *, side: int = 99, count: int = 1
) -> bytes:
    """Return a PDF of one page. *objects* are numbered from 5, the font has number 4.

    *content* is the drawing operators, or a whole stream object.
    """
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 3 0 R/Resources<<%s>>>>"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    last = 5 + len(objects)
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%d 0 R]>>" % (count, last),
        content if content.endswith(b"endstream") else stream(content, b""),
        font,
        *objects,
        page % (side, side, resources),
    ]
    return assemble(bodies)


def stream(content: bytes, entries: bytes) -> bytes:
    packed = zlib.compress(content)
    head = b"<<%s/Filter/FlateDecode/Length %d>>" % (entries, len(packed))
    return head + b"stream\n" + packed + b"\nendstream"


def assemble(bodies: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(bodies) + 1
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    return bytes(out) + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (size, table, trailer)
