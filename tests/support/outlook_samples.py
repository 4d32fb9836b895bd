"""Makes Outlook mails (MSG): OLE files with a stream for each property."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

from extract_msg import OleWriter

SUBJECT, BODY, HTML, RTF, SENDER, TO = "0037", "1000", "1013", "1009", "0C1A", "0E04"
SENT_TAG, TIME = 0x0039, 0x0040
CODE_PAGE_TAG, INTEGER = 0x3FFD, 0x0003
_ENCODINGS = {20866: "koi8-r", 28592: "iso8859-2"}
"""Of the code pages that Python knows by other names."""
_TICKS_OF_2026 = 134_116_992_000_000_000
"""The first moment of 2026 in units of 100 ns since 1601."""


def outlook_mail(
    texts: dict[str, str],
    *,
    binary: dict[str, bytes] | None = None,
    attachments: Sequence[tuple[str, bytes]] = (),
    inner: dict[str, str] | None = None,
    code_page: int | None = None,
) -> bytes:
    """Return a mail whose properties have *texts*, sent at the first moment of 2026.

    Args:
        texts: the texts by the tags of their properties.
        binary: further values by their tags.
        attachments: names and contents.
        inner: the texts of a mail that is attached.
        code_page: the code page in which *texts* are written; None: Unicode.
    """
    writer = OleWriter()
    _add_mail(writer, [], texts, binary or {}, code_page)
    for number, (name, content) in enumerate(attachments):
        place = [f"__attach_version1.0_#{number:08X}"]
        writer.addEntry(place, storage=True)
        writer.addEntry([*place, "__properties_version1.0"], bytes(8))
        writer.addEntry([*place, "__substg1.0_3707001F"], name.encode("utf-16-le"))
        writer.addEntry([*place, "__substg1.0_37010102"], content)
    if inner is not None:
        place = ["__attach_version1.0_#000000FF"]
        writer.addEntry(place, storage=True)
        writer.addEntry([*place, "__properties_version1.0"], bytes(8))
        writer.addEntry([*place, "__substg1.0_3701000D"], storage=True)
        _add_mail(writer, [*place, "__substg1.0_3701000D"], inner, {})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mail.msg"
        writer.write(str(path))
        return path.read_bytes()


def _add_mail(
    writer: OleWriter,
    place: list[str],
    texts: dict[str, str],
    binary: dict[str, bytes],
    code_page: int | None = None,
) -> None:
    sent = struct.pack("<HHIQ", TIME, SENT_TAG, 6, _TICKS_OF_2026)
    header = bytes(24 if place else 32)
    written = struct.pack("<HHIQ", INTEGER, CODE_PAGE_TAG, 6, code_page) if code_page else b""
    writer.addEntry([*place, "__properties_version1.0"], header + sent + written)
    named = _ENCODINGS.get(code_page or 0, f"cp{code_page}")
    kind, encoding = ("001E", named) if code_page else ("001F", "utf-16-le")
    for tag, text in texts.items():
        writer.addEntry([*place, f"__substg1.0_{tag}{kind}"], text.encode(encoding))
    for tag, content in binary.items():
        writer.addEntry([*place, f"__substg1.0_{tag}0102"], content)
