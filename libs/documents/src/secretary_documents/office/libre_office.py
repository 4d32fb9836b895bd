"""Converts old office files with LibreOffice, in a process with limits and without a network."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.runtime.log import get_logger
from secretary_documents.formats.format import Format
from secretary_documents.formats.limits import damaged, too_large
from secretary_documents.media.download_folder import DownloadFolder, open_plain_file
from secretary_documents.media.program import Command, ProgramResult, run_program
from secretary_documents.office import kit
from secretary_worker import OpenFile, ProcessLimits, temporary_folder

log = get_logger(__name__)

_PREFIX = "secretary-office-"
_OPEN_FILES = 256
# Debian's packages keep the settings of LibreOffice there, and the fonts theirs.
_SETTINGS = ("/etc/libreoffice", "/var/spool/libreoffice", "/etc/fonts")
_NO_MEMORY = "bad_alloc"


INSTALL = "apt install libreoffice-writer-nogui libreoffice-impress-nogui"


def is_installed(program: Path) -> bool:
    """Return whether the folder *program* has LibreOffice."""
    return any((program / name).exists() for name in kit.LIBRARIES)


@dataclass(frozen=True, slots=True)
class LibreOffice:
    """Converts files. One instance serves all jobs."""

    program: Path
    """The folder with the libraries of LibreOffice, usually ``/usr/lib/libreoffice/program``."""
    memory_bytes: int
    """The address space of one conversion."""
    cpu_sec: int
    timeout_sec: float
    max_bytes: int
    """The most bytes that a conversion writes, with the copy of the file and the profile."""
    kit: Path = Path(kit.__file__)
    """The program that converts one file."""

    def check_installed(self, found: Format) -> None:
        """Check that LibreOffice is there.

        Raises:
            PermanentError: FORMAT_NOT_INSTALLED.
        """
        if is_installed(self.program):
            return
        message = (
            f"{found.title} cannot be read, because LibreOffice is not installed in "
            f"{self.program} (documents.libre_office): on Debian {INSTALL}"
        )
        details = {"format": found.name, "program": "LibreOffice"}
        raise PermanentError(message, code=ErrorCode.FORMAT_NOT_INSTALLED, details=details)

    @asynccontextmanager
    async def converted(self, file: OpenFile, found: Format) -> AsyncIterator[OpenFile]:
        """Yield *file*, which has the format *found*, in the format ``found.becomes``.

        Raises:
            PermanentError: FORMAT_NOT_INSTALLED, DOCUMENT_INVALID, DOCUMENT_TOO_LARGE,
                PARSE_TIMEOUT, PARSE_MEMORY_LIMIT or PARSER_CRASHED.
        """
        self.check_installed(found)
        with temporary_folder(_PREFIX) as folder:
            source, target = folder / "source", folder / "target"
            await asyncio.to_thread(_copy, file, source)
            await self._run(folder, source, target, found)
            # The program has read untrusted bytes: it may have made a link to another file.
            with open_plain_file(target) as made:
                if made is None:
                    raise _not_readable(found)
                yield replace(made, name=file.name)

    async def _run(self, folder: Path, source: Path, target: Path, found: Format) -> None:
        paths = map(str, (self.kit, self.program, folder / "profile", source, target))
        command = Command(
            sys.executable,
            ("-I", "-B", *paths, str(found.becomes)),
            ProcessLimits(
                memory_bytes=self.memory_bytes,
                cpu_sec=self.cpu_sec,
                file_bytes=self.max_bytes,
                open_files=_OPEN_FILES,
            ),
            self.timeout_sec,
            folder=folder,
            readable=(*_SETTINGS, str(self.program.parent), str(self.kit), sys.base_prefix),
        )
        written = DownloadFolder(folder, self.max_bytes)
        try:
            result = await run_program(command, watch=written.watch)
            written.check_limits()  # LibreOffice may have ended between two checks
        except PermanentError as error:
            raise self._broken_limit(error) from error
        _check(result, found)

    def _broken_limit(self, error: PermanentError) -> PermanentError:
        if error.code == ErrorCode.MEDIA_TIMEOUT:
            return _too_slow()
        return too_large(f"LibreOffice writes more than {self.max_bytes} bytes for this file")


def _copy(file: OpenFile, target: Path) -> None:
    with Path(file.path).open("rb") as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)


def _check(result: ProgramResult, found: Format) -> None:
    code = result.returncode
    if code == 0:
        return
    log.warning("documents.libre_office_failed", exit=code, stderr=result.stderr[-1000:])
    if code in (kit.EXIT_NOT_LOADED, kit.EXIT_NOT_SAVED):
        raise _not_readable(found)
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _too_slow()
    if _NO_MEMORY in result.stderr:
        message = "LibreOffice needs more memory for this file than its limit"
        raise PermanentError(message, code=ErrorCode.PARSE_MEMORY_LIMIT)
    message = "LibreOffice crashed on this file"
    raise PermanentError(message, code=ErrorCode.PARSER_CRASHED, details={"exit": code})


def _not_readable(found: Format) -> PermanentError:
    return damaged(f"LibreOffice cannot read the file as {found.title}: damaged or encrypted")


def _too_slow() -> PermanentError:
    message = "LibreOffice takes more time for this file than its limit"
    return PermanentError(message, code=ErrorCode.PARSE_TIMEOUT)
