"""Turns pictures that MuPDF does not read (HEIC, WebP) into those that it reads."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any

from secretary_documents.formats.limits import FileLimits, damaged, too_large

# Imported here and not later, because a child in its sandbox may import nothing.
if find_spec("PIL") is not None:
    from PIL import Image, ImageOps
if find_spec("pillow_heif") is not None:
    import pillow_heif

    pillow_heif.register_heif_opener()

_QUALITY = 95
_NEEDED = ("heic", "webp")


def readable_picture(content: bytes, format_name: str, limits: FileLimits) -> bytes:
    """Return *content* as a picture that MuPDF reads. PNG, JPEG and TIFF stay as they are.

    Raises:
        PermanentError: DOCUMENT_INVALID or DOCUMENT_TOO_LARGE.
    """
    if format_name not in _NEEDED:
        return content
    # The limit of pixels is checked here, so Pillow's own warning would only repeat it.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(io.BytesIO(content), formats=["HEIF", "WEBP"]) as picture:
            if picture.width * picture.height > limits.max_pixels:
                size = f"{picture.width} x {picture.height}"
                raise too_large(f"the picture has {size} pixels, at most {limits.max_pixels}")
            return _as_jpeg(picture)
    except (OSError, ValueError, SyntaxError, RuntimeError, EOFError) as error:
        raise damaged("the picture is damaged") from error


def _as_jpeg(picture: Any) -> bytes:
    """Return *picture* as a JPEG, upright, with white where it is transparent."""
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    page = Image.new("RGB", upright.size, "white")
    page.paste(upright, mask=upright.getchannel("A"))
    written = io.BytesIO()
    page.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()
