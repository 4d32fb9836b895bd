import io
import zipfile

import pytest
from support.file_reader import code_of, read_file
from support.office_samples import zipped

SHAPES: dict[str, tuple[dict[str, bytes | str], list[str]]] = {
    "files in folders": ({"a.txt": "a", "b/c.txt": "c"}, ["a.txt", "b/c.txt"]),
    "folders and leavings": (
        {"d/": "", "__MACOSX/x": "x", "d/.DS_Store": "x", "e.txt": "e"},
        ["e.txt"],
    ),
    "right to left": ({"שלום.txt": "a"}, ["שלום.txt"]),
    "paths that lead out": ({"../../etc/passwd": "a"}, ["../../etc/passwd"]),
    "an archive in an archive": ({"inner.zip": zipped({"a.txt": "a"})}, ["inner.zip"]),
    "empty": ({}, []),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_archives_list_their_files(shape: str) -> None:
    members, names = SHAPES[shape]
    found = read_file(zipped(members))
    assert (found.format, found.pages) == ("zip", [])
    assert list(found.members) == names


def test_a_name_in_utf_8_is_read_although_the_archive_does_not_say_so() -> None:
    name = "Gru\u0308ße.txt".encode()  # as macOS writes it
    plain = "x" * len(name)
    content = zipped({plain: "a"}).replace(plain.encode(), name)
    assert list(read_file(content).members) == ["Grüße.txt"]


def test_a_name_in_the_code_page_of_dos_is_read() -> None:
    content = zipped({"xber.txt": "a"}).replace(b"xber", "über".encode("cp437"))
    assert list(read_file(content).members) == ["über.txt"]


def encrypted() -> bytes:
    content = bytearray(zipped({"a.txt": "a"}))
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + place] |= 1
    return bytes(content)


def packed_in_an_unknown_way() -> bytes:
    content = bytearray(zipped({"[Content_Types].xml": "a"}))
    for mark, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        content[content.index(mark) + place] = 97
    return bytes(content)


def with_wrong_sum() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("a.txt", "aaaa")
    return written.getvalue().replace(b"aaaa", b"aaab")


BROKEN = {
    "cut off": (zipped({"a.txt": "a" * 99})[:-30], "DOCUMENT_INVALID"),
    "encrypted": (encrypted(), "DOCUMENT_ENCRYPTED"),
    "packed in an unknown way": (packed_in_an_unknown_way(), "DOCUMENT_INVALID"),
    "wrong sum": (with_wrong_sum(), "DOCUMENT_INVALID"),
    "bomb": (zipped({"a.txt": bytes(9 * 2**20)}), "DOCUMENT_TOO_LARGE"),
    "many files": (zipped({f"{n}": "" for n in range(300)}), "DOCUMENT_TOO_LARGE"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_archives_are_refused_with_the_reason(fault: str) -> None:
    content, code = BROKEN[fault]
    assert code_of(content) == code
