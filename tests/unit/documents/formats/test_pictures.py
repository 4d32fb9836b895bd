import base64
import io
import os
from collections.abc import Callable
from typing import Any

import pillow_heif
import pymupdf
import pytest
from PIL import Image
from support.file_reader import LIMITS

from secretary_common.errors import PermanentError
from secretary_documents.formats.child import FileWork

pillow_heif.register_heif_opener()
ROTATED = 6


def encoded(kind: str, mode: str = "RGB", *, turned: bool = False, **options: Any) -> bytes:
    picture = Image.new(mode, (60, 40), "white" if mode != "P" else 3)
    if turned:
        exif = Image.Exif()
        exif[0x112] = ROTATED
        options["exif"] = exif
    written = io.BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()


def pages(*modes: str) -> bytes:
    frames = [Image.new(mode, (60, 40), 1) for mode in modes]
    written = io.BytesIO()
    frames[0].save(written, "TIFF", save_all=True, append_images=frames[1:])
    return written.getvalue()


def pdf_of(content: bytes, **limits: int) -> bytes:
    """Return the PDF that the child makes of a picture."""
    descriptor = os.memfd_create("picture")
    try:
        os.write(descriptor, content)
        work = FileWork(f"/proc/self/fd/{descriptor}")
        messages: list[dict[str, Any]] = []
        work({"op": "detect"}, messages.append)
        request = {"op": "to_pdf", "format": messages[0]["format"]}
        work({**request, "limits": {**LIMITS.as_json(), **limits}}, messages.append)
        return b"".join(base64.b64decode(one["piece"]) for one in messages[1:])
    finally:
        os.close(descriptor)


def shapes(kind: str) -> dict[str, Callable[[], bytes]]:
    return {
        "colours": lambda: encoded(kind),
        "turned": lambda: encoded(kind, turned=kind in _TURNED),
        "coarse": lambda: encoded(kind, dpi=(72, 72)),
    }


_TURNED = ("JPEG", "WEBP")
"""The formats whose note about the turn of the camera is used."""
KINDS: dict[str, dict[str, Callable[[], bytes]]] = {
    "PNG": {
        **shapes("PNG"),
        "palette": lambda: encoded("PNG", "P"),
        "transparent": lambda: encoded("PNG", "RGBA"),
    },
    "JPEG": {
        **shapes("JPEG"),
        "grey": lambda: encoded("JPEG", "L"),
        "for printers": lambda: encoded("JPEG", "CMYK"),
    },
    "TIFF": {
        **shapes("TIFF"),
        "two colours": lambda: encoded("TIFF", "1"),
        "fax": lambda: encoded("TIFF", "1", compression="group4"),
    },
    "WEBP": {
        **shapes("WEBP"),
        "transparent": lambda: encoded("WEBP", "RGBA"),
        "lossless": lambda: encoded("WEBP", lossless=True),
    },
    "HEIF": {
        **shapes("HEIF"),
        "grey": lambda: encoded("HEIF", "L"),
        "transparent": lambda: encoded("HEIF", "RGBA"),
    },
}


@pytest.mark.parametrize(
    ("kind", "shape"), [(kind, shape) for kind, known in KINDS.items() for shape in known]
)
def test_a_picture_becomes_a_page_that_stands_upright(kind: str, shape: str) -> None:
    with pymupdf.open("pdf", pdf_of(KINDS[kind][shape]())) as document:
        [page] = document
        is_high = page.rect.height > page.rect.width
    assert is_high == (shape == "turned" and kind in _TURNED)


def test_each_page_of_a_tiff_becomes_a_page() -> None:
    with pymupdf.open("pdf", pdf_of(pages("1", "L", "RGB"))) as document:
        assert document.page_count == 3


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert pdf_of(encoded("PNG")) == pdf_of(encoded("PNG"))


def refused(content: bytes, **limits: int) -> str:
    with pytest.raises(PermanentError) as raised:
        pdf_of(content, **limits)
    return raised.value.code


def png_bomb() -> bytes:
    """Return a small PNG with a head that promises many pixels."""
    content = bytearray(encoded("PNG"))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    return bytes(content)


BROKEN: dict[str, Callable[[], bytes]] = {
    "PNG cut off": lambda: encoded("PNG")[:20],
    "TIFF cut off": lambda: encoded("TIFF")[:9],
    "JPEG head": lambda: b"\xff\xd8\xff\xe0" + bytes(50),
    "WEBP cut off": lambda: encoded("WEBP")[:20],
    "HEIF cut off": lambda: encoded("HEIF")[:200],
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_pictures_are_refused(fault: str) -> None:
    assert refused(BROKEN[fault]()) == "DOCUMENT_INVALID"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "HEIF"])
def test_pictures_with_too_many_pixels_are_refused(kind: str) -> None:
    assert refused(encoded(kind), max_pixels=1000) == "DOCUMENT_TOO_LARGE"


def test_a_picture_that_unpacks_to_billions_of_pixels_is_refused() -> None:
    assert refused(png_bomb()) == "DOCUMENT_TOO_LARGE"


def test_a_tiff_with_too_many_pages_is_refused() -> None:
    assert refused(pages("1", "1", "1"), max_pages=2) == "DOCUMENT_TOO_LARGE"
