import os
import tempfile
from pathlib import Path

import pytest
from extract_msg import OleWriter
from support.office_samples import zipped

from secretary_common.errors import PermanentError
from secretary_documents.formats.detection import detect
from secretary_documents.formats.format import FORMATS, Format, Needs, missing_formats


def found(content: bytes) -> Format:
    descriptor = os.memfd_create("file")
    try:
        os.write(descriptor, content)
        return detect(descriptor)
    finally:
        os.close(descriptor)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99)
KNOWN: dict[str, bytes] = {
    "doc": OLE + "WordDocument".encode("utf-16-le"),
    "ppt": OLE + "PowerPoint Document".encode("utf-16-le"),
    "pdf": b"%PDF-1.7\n",
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "tiff": b"II*\0\x08",
    "webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "rtf": b"{\\rtf1 x}",
    "zip": zipped({"a.txt": "a"}),
    "html": b"<!-- saved --><html><body>x",
    "eml": b"Received: from a\nSubject: x\nFrom: a@b.example\n\nx",
    "csv": b"a,b\n1,2\n3,4\n",
    "md": b"Some words.\n\n## Then\n\nmore",
    "txt": b"Dear Ada,\nthank you, and see you soon,\nBob",
}


def test_a_pdf_may_have_bytes_before_its_mark() -> None:
    assert found(b"HTTP/1.1 200 OK\n\n%PDF-1.7\n1 0 obj\n<<>>").name == "pdf"


@pytest.mark.parametrize("name", KNOWN)
def test_the_content_tells_the_format(name: str) -> None:
    assert found(KNOWN[name]).name == name


TEXTS = {
    "JSON": (b'{"a": [1, 2]}', "txt"),
    "XML": (b"<?xml version='1.0'?><note>a</note>", "txt"),
    "log": (b"2026-01-01 10:00 started, 3 jobs\n2026-01-01 10:01 done\n", "txt"),
    "keys and values": (b"name: a\nsize: 3\n", "txt"),
    "a letter about HTML": (b"The tag <html> opens a page.\n", "txt"),
    "one line": (b"a,b,c", "txt"),
    "a comment": (b"first line\n# of two *stars*\nlast line\n", "txt"),
    "a file of settings": (b"# The host.\nhost = a\n# The port.\nport = 1\n", "txt"),
    "a title": (b"# Title\n\nSome words.\n", "md"),
    "headings without blank lines": (b"# Title\nSome words.\n## Part\nmore\n", "md"),
    "a heading at the end": (b"Some words.\n\n## Part", "md"),
    "the mark of a PDF": (b"A PDF begins with %PDF-1.7 and a line end.", "txt"),
    "a company": (b"BMW AG, Munich\n", "txt"),
    "letters of a program": (b"MZ is the mark of programs for Windows.\n", "txt"),
    "letters of a recording": (b"ID3 tags have a title and an artist.\n", "txt"),
    "colours": (b"\x1b[1mbold\x1b[0m text", "txt"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_other_texts_are_plain_texts(kind: str) -> None:
    content, name = TEXTS[kind]
    assert found(content).name == name


UNREADABLE = {
    "a program (ELF)": b"\x7fELF\x02\x01\x01" + bytes(99),
    "a program for Windows": b"MZ\x90\0" + bytes(99),
    "a gzip archive": b"\x1f\x8b\x08\0",
    "a tar archive": bytes(1) + b"a" * 256 + b"ustar\x0000" + bytes(99),
    "a RAR archive": b"Rar!\x1a\x07\x01\0",
    "a GIF picture": b"GIF89a\1\0",
    "an AVIF picture": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    "a recording (MP4)": b"\0\0\0\x18ftypisom\0\0\0\0mp42",
    "a recording (WAV)": b"RIFF\x10\0\0\0WAVEfmt ",
    "a recording (AVI)": b"RIFF\x10\0\0\0AVI LIST",
    "a recording (WAV or AVI)": b"RIFF\x10\0\0\0RMIDdata",
    "a PostScript file": b"%!PS-Adobe-3.0\n%%Pages: 1\n",
    "an SQLite database": b"SQLite format 3\0" + bytes(99),
    "an old office file of an unknown kind (OLE)": OLE + bytes(99),
    "an office file of an unknown kind (Open XML)": zipped({"[Content_Types].xml": "<Types/>"}),
    "an office file of an unknown kind (OpenDocument)": zipped(
        {"mimetype": "application/vnd.oasis.opendocument.graphics"}
    ),
    "a binary file of an unknown format": bytes(range(256)),
    "empty": b"",
    "blank": b" \n\t ",
}


@pytest.mark.parametrize("title", UNREADABLE)
def test_other_files_are_refused_with_what_they_are(title: str) -> None:
    with pytest.raises(PermanentError) as raised:
        found(UNREADABLE[title])
    assert raised.value.code == "UNSUPPORTED_MEDIA"
    assert title in raised.value.message


def test_a_format_whose_package_is_missing_says_which_extra_installs_it() -> None:
    needs = Needs("no_such_package", "office")
    with pytest.raises(PermanentError) as raised:
        Format("x", "a/x", "an X file", needs=needs).check_installed()
    assert raised.value.code == "FORMAT_NOT_INSTALLED"
    assert 'pip install "secretary-documents[office]"' in raised.value.message
    assert "in Docker build the worker with SECRETARY_WORKER_EXTRAS=office" in raised.value.message


def test_all_extras_are_installed_here() -> None:
    assert missing_formats() == []
    assert {one.needs.extra for one in FORMATS.values() if one.needs} == {
        "images",
        "mail",
        "spreadsheets",
    }


def old_file(*names: str) -> bytes:
    """Return an OLE file with streams, of which those with a ``/`` are in folders."""
    writer = OleWriter()
    for name in names:
        folder, _, _ = name.rpartition("/")
        if folder:
            writer.addEntry([folder], storage=True)
        writer.addEntry(name.split("/"), bytes(5000))
    with tempfile.NamedTemporaryFile() as file:
        writer.write(file.name)
        return Path(file.name).read_bytes()


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("Workbook", "MBD00/WordDocument"), "xls"),
        (("PowerPoint Document", "Pictures", "MBD00/Workbook"), "ppt"),
        (("WordDocument", "mail/__properties_version1.0"), "doc"),
        (("__properties_version1.0", "a/WordDocument"), "msg"),
        (("a/WordDocument",), "doc"),
    ],
)
def test_files_that_an_old_office_file_embeds_do_not_count(
    names: tuple[str, ...], kind: str
) -> None:
    assert found(old_file(*names)).name == kind


def test_the_text_of_an_old_office_file_does_not_count() -> None:
    content = old_file("WordDocument") + "EncryptedPackage".encode("utf-16-le")
    assert found(content).name == "doc"


def old_word(flags: int) -> bytes:
    """Return the parts of a doc that detection reads: its marks and the header of its text."""
    stream = OLE[:8] + bytes(56) + KNOWN["doc"][len(OLE) :].ljust(64, b"\0")
    return stream + b"\xec\xa5\xc1\0" + bytes(6) + flags.to_bytes(2, "little") + b"\xbf\0"


ENCRYPTED_ATOM = b"\0\0\xf6\x0f\x20\0\0\0\x14\0\0\0\xdf\xc4\xd1\xf3"


def test_an_encrypted_old_office_file_is_refused_as_such() -> None:
    assert found(old_word(flags=0x1200)).name == "doc"
    for content in (old_word(flags=0x1300), KNOWN["ppt"] + ENCRYPTED_ATOM):
        with pytest.raises(PermanentError) as raised:
            found(content)
        assert raised.value.code == "DOCUMENT_ENCRYPTED"


def test_an_old_office_file_without_its_directory_is_damaged() -> None:
    with pytest.raises(PermanentError) as raised:
        found(OLE[:8] + bytes(22) + b"\x09" + bytes(481))
    assert raised.value.code == "DOCUMENT_INVALID"
