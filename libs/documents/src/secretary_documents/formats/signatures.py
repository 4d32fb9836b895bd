"""Finds the format of binary files by their first bytes. No file is read further than needed."""

from __future__ import annotations

import mmap
import os
import zipfile

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models.file import ContentMark, refusal
from secretary_documents.formats.limits import damaged, encrypted
from secretary_documents.formats.packages.compound_file import names_in_root
from secretary_documents.formats.packages.old_office import is_cut_off, is_encrypted

PDF_WITHIN = 1024
"""PDF readers look for the header in the first bytes."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_NAMED_BYTES = 2**20

# First bytes, and the name of the format; the first match counts.
_READ: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"{\\rtf", "rtf"),
)
_MP4 = (b"isom", b"iso2", b"mp41", b"mp42", b"M4A ", b"M4V ", b"qt  ", b"3gp4", b"3gp5")
_MEDIA_HINT = "a recording ({}); a media job reads recordings"
# Bytes, their place, and what the file is.
_UNREADABLE: tuple[tuple[bytes, int, str], ...] = (
    (b"\x7fELF", 0, "a program (ELF)"),
    (b"MZ", 0, "a program for Windows"),
    (b"\xca\xfe\xba\xbe", 0, "a program (Java or macOS)"),
    (b"\xcf\xfa\xed\xfe", 0, "a program for macOS"),
    (b"\0asm", 0, "a program (WebAssembly)"),
    (b"\x1f\x8b", 0, "a gzip archive"),
    (b"BZh", 0, "a bzip2 archive"),
    (b"\xfd7zXZ\0", 0, "an xz archive"),
    (b"(\xb5/\xfd", 0, "a zstd archive"),
    (b"7z\xbc\xaf'\x1c", 0, "a 7-Zip archive"),
    (b"Rar!\x1a\x07", 0, "a RAR archive"),
    (b"ustar", 257, "a tar archive"),
    (b"SQLite format 3\0", 0, "an SQLite database"),
    (b"PAR1", 0, "a Parquet table"),
    (b"AT&TFORM", 0, "a DjVu document"),
    (b"8BPS", 0, "a Photoshop picture"),
    (b"GIF8", 0, "a GIF picture"),
    (b"BM", 0, "a BMP picture"),
    (b"\0\0\1\0", 0, "an icon"),
    (b"ftypavif", 4, "an AVIF picture"),
    (b"ID3", 0, _MEDIA_HINT.format("MP3")),
    (b"\xff\xfb", 0, _MEDIA_HINT.format("MP3")),
    (b"\xff\xf1", 0, _MEDIA_HINT.format("AAC")),
    (b"OggS", 0, _MEDIA_HINT.format("Ogg")),
    (b"fLaC", 0, _MEDIA_HINT.format("FLAC")),
    (b"\x1aE\xdf\xa3", 0, _MEDIA_HINT.format("Matroska or WebM")),
    (b"FLV\1", 0, _MEDIA_HINT.format("Flash")),
    (b"WAVEfmt ", 8, _MEDIA_HINT.format("WAV")),
    (b"AVI LIST", 8, _MEDIA_HINT.format("AVI")),
    *((b"ftyp" + brand, 4, _MEDIA_HINT.format("MP4")) for brand in _MP4),
)
REFUSED = tuple(ContentMark(title=title, mark=mark.hex(), at=at) for mark, at, title in _UNREADABLE)
"""The marks of files that no reader reads. The API refuses uploads with them."""
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")

# By the content type of the main part of an Open XML file.
_OPEN_XML: tuple[tuple[bytes, str], ...] = (
    (b"wordprocessingml.document.main", "docx"),
    (b"wordprocessingml.template.main", "docx"),
    (b"ms-word.document.macroEnabled.main", "docx"),
    (b"ms-word.template.macroEnabledTemplate.main", "docx"),
    (b"presentationml.presentation.main", "pptx"),
    (b"presentationml.slideshow.main", "pptx"),
    (b"presentationml.template.main", "pptx"),
    (b"ms-powerpoint.presentation.macroEnabled.main", "pptx"),
    (b"ms-powerpoint.slideshow.macroEnabled.main", "pptx"),
    (b"spreadsheetml.sheet.main", "xlsx"),
    (b"spreadsheetml.template.main", "xlsx"),
    (b"ms-excel.sheet.macroEnabled.main", "xlsx"),
    (b"ms-excel.sheet.binary.macroEnabled.main", "xlsx"),
)
_BY_MIMETYPE: tuple[tuple[bytes, str], ...] = (
    (b"application/epub+zip", "epub"),
    (b"application/vnd.oasis.opendocument.text", "odt"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "ods"),
    (b"application/vnd.oasis.opendocument.presentation", "odp"),
)
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."
# Names of streams in the older office files, which are in UTF-16, and the format.
_STREAMS: tuple[tuple[str, str], ...] = (
    ("EncryptedPackage", "encrypted"),
    ("__properties_version1.0", "msg"),
    ("WordDocument", "doc"),
    ("PowerPoint Document", "ppt"),
    ("Workbook", "xls"),
    ("Book", "xls"),
)


def unsupported(title: str) -> PermanentError:
    """Return the error of a file that no reader reads."""
    return PermanentError(refusal(title), code=ErrorCode.UNSUPPORTED_MEDIA)


def binary_format(head: bytes, fd: int) -> str | None:
    """Return the name of the format of a binary file; None if it may be text.

    Args:
        head: the first bytes of the file, at least ``PDF_WITHIN`` unless the file is shorter.
        fd: an open descriptor of the file.

    Raises:
        PermanentError: UNSUPPORTED_MEDIA, DOCUMENT_INVALID or DOCUMENT_ENCRYPTED.
    """
    if mark := next((one for one in REFUSED if one.matches(head)), None):
        raise unsupported(mark.title)
    if b"%PDF-" in head[:PDF_WITHIN] and (head.lstrip().startswith(b"%PDF-") or b" obj" in head):
        return "pdf"
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _zip_format(fd)
    if head.startswith(_OLE):
        return _ole_format(fd)
    found = next((name for mark, name in _READ if head.startswith(mark)), None)
    return found or _container_format(head)


def _container_format(head: bytes) -> str | None:
    """Return the format of a RIFF or ISO file; refuse what is known and not read."""
    if head.startswith(b"RIFF"):
        if head[8:12] == b"WEBP":
            return "webp"
        raise unsupported(_MEDIA_HINT.format("WAV or AVI"))
    if head[4:8] == b"ftyp":
        brands = {head[at : at + 4] for at in range(8, min(len(head), 48), 4)}
        if brands & set(_AVIF):
            raise unsupported("an AVIF picture")
        if head[8:12] in _HEIC:
            return "heic"
        raise unsupported(_MEDIA_HINT.format("MP4"))
    if head.startswith(b"%!PS"):
        raise unsupported("a PostScript file")
    return None


def _zip_format(fd: int) -> str:
    with os.fdopen(os.dup(fd), "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return _format_in(archive)
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
            raise damaged("the ZIP file, perhaps an office file, is damaged") from error


def _format_in(archive: zipfile.ZipFile) -> str:
    names = set(archive.namelist())
    if "mimetype" in names and (declared := _declared_format(archive)):
        return declared
    if "[Content_Types].xml" in names:
        types = _start_of(archive, "[Content_Types].xml")
        for part, name in _OPEN_XML:
            if part in types:
                return name
        raise unsupported("an office file of an unknown kind (Open XML)")
    if "META-INF/container.xml" in names:
        return "epub"
    return "zip"


def _declared_format(archive: zipfile.ZipFile) -> str | None:
    declared = _start_of(archive, "mimetype").strip()
    found = next((name for mark, name in _BY_MIMETYPE if declared.startswith(mark)), None)
    if found is None and declared.startswith(_OPEN_DOCUMENT):
        raise unsupported("an office file of an unknown kind (OpenDocument)")
    return found


def _start_of(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            return file.read(_MOST_NAMED_BYTES)
    except NotImplementedError:  # packed in an unknown way
        raise
    except RuntimeError as error:  # a part with a password
        raise encrypted() from error


def _ole_format(fd: int) -> str:
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as content:
        if name := _by_streams(content):
            if name == "encrypted" or is_encrypted(content, name):
                raise encrypted()
            return name
        if is_cut_off(content):
            raise damaged("the old office file is cut off")
    raise unsupported("an old office file of an unknown kind (OLE)")


def _by_streams(content: mmap.mmap) -> str | None:
    """Return the format by the names of streams: of the file itself, else of any in it.

    The file may embed other files, and its text may have the name of a stream.
    """
    try:
        own = names_in_root(content)
    except PermanentError:  # damaged; a reader may find more in it
        own = set()
    found = next((name for stream, name in _STREAMS if stream in own), None)
    return found or next(
        (name for stream, name in _STREAMS if content.find(stream.encode("utf-16-le")) >= 0), None
    )
