"""The conversion by LibreOffice, with small programs in place of LibreOffice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from secretary_common.errors import PermanentError
from secretary_documents.formats.format import FORMATS
from secretary_documents.office import kit
from secretary_documents.office.libre_office import LibreOffice
from secretary_worker import OpenFile
from secretary_worker.sandbox import lockdown

DOC = FORMATS["doc"]
START = "import os, socket, sys\n_, program, profile, source, target, kind = sys.argv\n"
COPY = "open(target, 'wb').write(kind.encode() + open(source, 'rb').read())\n"
FAULTS = {
    "import time; time.sleep(600)": "PARSE_TIMEOUT",
    "while True: pass": "PARSE_TIMEOUT",
    "os.abort()": "PARSER_CRASHED",
    "sys.exit(1)": "PARSER_CRASHED",
    f"sys.exit({kit.EXIT_NOT_LOADED})": "DOCUMENT_INVALID",
    f"sys.exit({kit.EXIT_NOT_SAVED})": "DOCUMENT_INVALID",
    "sys.exit(0)": "DOCUMENT_INVALID",
    "sys.stderr.write('std::bad_alloc'); sys.stderr.flush(); os.abort()": "PARSE_MEMORY_LIMIT",
    "open(target, 'wb').write(bytes(2 * 2**20))": "DOCUMENT_TOO_LARGE",
    "for n in range(9): open(f'{target}{n}', 'wb').write(bytes(2**19))": "DOCUMENT_TOO_LARGE",
    "for n in range(9): open(f'{target}{n}', 'wb').write(bytes(2**19))\nwhile True: pass": (
        "DOCUMENT_TOO_LARGE"
    ),
    "os.symlink(__file__, target)": "DOCUMENT_INVALID",
}
FORBIDDEN = (
    "open('/etc/hostname').read()",
    "socket.socket()",
    "os.posix_spawn('/bin/true', ['true'], {})",
)


def office(folder: Path, script: str) -> LibreOffice:
    """Return a converter that runs *script* and has short limits."""
    (folder / kit.LIBRARIES[0]).touch()
    program = folder / "kit.py"
    program.write_text(START + script)
    return LibreOffice(
        folder, memory_bytes=2**30, cpu_sec=2, timeout_sec=4, max_bytes=2**20, kit=program
    )


async def converted(converter: LibreOffice, content: bytes = b"content") -> bytes:
    path = converter.program / "sample"
    path.write_bytes(content)
    with path.open("rb") as file:
        opened = OpenFile(file.fileno(), "a.doc", len(content))
        async with converter.converted(opened, DOC) as made:
            assert made.name == "a.doc"
            return os.pread(made.fd, made.size, 0)


async def test_a_file_is_converted(tmp_path: Path) -> None:
    assert await converted(office(tmp_path, COPY)) == b"docxcontent"


@pytest.mark.parametrize("script", FAULTS)
async def test_a_conversion_that_fails_says_why(tmp_path: Path, script: str) -> None:
    with pytest.raises(PermanentError) as raised:
        await converted(office(tmp_path, script))
    assert raised.value.code == FAULTS[script]


@pytest.mark.skipif(bool(lockdown.lacks()), reason="the kernel lacks a layer")
@pytest.mark.parametrize("attempt", FORBIDDEN)
async def test_a_conversion_reaches_nothing_else(tmp_path: Path, attempt: str) -> None:
    script = f"try:\n    {attempt}\nexcept PermissionError:\n    {COPY}"
    assert await converted(office(tmp_path, script)) == b"docxcontent"


async def test_a_conversion_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    await converted(office(tmp_path, COPY))
    with pytest.raises(PermanentError):
        await converted(office(tmp_path, "os.abort()"))
    assert list(folder.iterdir()) == []


async def test_without_libre_office_the_error_says_where_it_was_expected(tmp_path: Path) -> None:
    converter = office(tmp_path, COPY)
    (tmp_path / kit.LIBRARIES[0]).unlink()
    with pytest.raises(PermanentError) as raised:
        await converted(converter)
    assert raised.value.code == "FORMAT_NOT_INSTALLED"
    assert str(tmp_path) in raised.value.message
