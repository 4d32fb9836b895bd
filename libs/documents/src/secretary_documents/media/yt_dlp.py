"""Runs yt-dlp to fetch the captions of a video page, or its smallest audio track of good quality.

yt-dlp is used only if it is configured. The guard and the list of hosts must allow the page's URL.
The only network of yt-dlp is a proxy of the worker, which checks each connection by the guard.
yt-dlp's generic extractor, which would fetch any URL, is switched off. yt-dlp runs in a folder of
its own without configuration, cookies or plugins. The worker reads only plain files with the
expected names from that folder.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from secretary_common.errors import ErrorCode, PermanentError, TransientError, UrlRefused
from secretary_common.http.guard_proxy import GuardProxy
from secretary_common.http.url_guard import UrlGuard
from secretary_common.settings.documents import MediaSection
from secretary_documents.media.download_folder import DownloadFolder, open_plain_file
from secretary_documents.media.program import Command, ProgramResult, run_program
from secretary_worker import OpenFile, ProcessLimits, temporary_folder

MAX_CAPTIONS_BYTES = 10 * 2**20

_PREFIX = "secretary-media-"
_STEM = "media"
_ALWAYS = (
    *("--ignore-config", "--no-plugin-dirs", "--use-extractors", "default,-generic"),
    *("--no-cookies", "--no-cookies-from-browser", "--no-cache-dir", "--no-remote-components"),
    *("--no-playlist", "--playlist-items", "1", "--match-filters", "!is_live"),
    *("--no-progress", "--no-mtime", "--socket-timeout", "30", "--retries", "3"),
    *("--output", f"{_STEM}.%(ext)s"),
)
# The smallest track that is better than a telephone call, because speech needs no better quality.
_AUDIO = ("--format", "ba[abr>=48]/ba/b", "--format-sort", "+size,+br")
_NOT_AUDIO = (".vtt", ".part", ".ytdl", ".json", ".temp")
# yt-dlp may start JavaScript engines, which reserve much memory and use little.
_MEMORY_BYTES = 64 * 2**30
_OPEN_FILES = 256
_ERROR = re.compile(r"^ERROR: (.{1,300})", re.MULTILINE)
_TEMPORARY = re.compile(
    r"HTTP Error (429|5\d\d)|timed out|Connection (reset|refused|aborted)|"
    r"Temporary failure|Name or service not known|Failed to resolve|Network is unreachable|"
    r"IncompleteRead|Tunnel connection failed: 50[24]"
)
_TOO_LARGE = b"larger than max-filesize"
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?")


class YtDlp:
    """Runs yt-dlp within the limits of a section. One instance serves all jobs."""

    def __init__(
        self, section: MediaSection, guard: UrlGuard, guard_proxy: GuardProxy | None = None
    ) -> None:
        """*guard_proxy*: the network of yt-dlp; None: a proxy of *guard*."""
        self._section = section
        self._guard = guard
        self._guard_proxy = guard_proxy or GuardProxy(guard)
        self._max_bytes = int(section.max_mb * 2**20)

    def accepts(self, url: str) -> bool:
        """Return whether *url* is on one of the hosts in ``yt_dlp_hosts``."""
        with suppress(ValueError):
            parts = urlsplit(url)
            known = self._section.yt_dlp_hosts
            return parts.scheme in ("http", "https") and (parts.hostname or "").lower() in known
        return False

    @asynccontextmanager
    async def page(self, url: str) -> AsyncIterator[VideoPage]:
        """Prepare to fetch from the page at *url*. Fetched files are removed at the context's end.

        Raises:
            PermanentError: URL_REFUSED; YT_DLP_NOT_CONFIGURED.
        """
        self._check(url)
        program = self._program()
        with temporary_folder(_PREFIX) as folder:
            yield VideoPage(self, program, url, DownloadFolder(folder, self._max_bytes))

    async def run(
        self, program: str, url: str, folder: DownloadFolder, arguments: tuple[str, ...]
    ) -> ProgramResult:
        """Run yt-dlp in *folder*. The folder may grow to ``max_mb``.

        Raises:
            PermanentError: FETCH_FAILED, MEDIA_TOO_LARGE, MEDIA_TIMEOUT.
            TransientError: FETCH_FAILED; a later attempt may succeed.
        """
        timeout_sec = self._section.yt_dlp_timeout_sec
        limits = ProcessLimits(
            memory_bytes=_MEMORY_BYTES,
            cpu_sec=int(timeout_sec) + 1,
            file_bytes=self._max_bytes + 2**20,
            open_files=_OPEN_FILES,
        )
        size = ("--max-filesize", str(self._max_bytes))
        # After "--" no argument is an option, even if it begins with a dash.
        full = (*_ALWAYS, *size, *arguments, "--", url)
        async with self._guard_proxy.running() as proxy:
            command = Command(program, full, limits, timeout_sec, folder=folder.path, proxy=proxy)
            # --max-filesize has no effect on streams in fragments, so the folder is watched too.
            result = await run_program(command, watch=folder.watch)
        folder.check_limits()  # yt-dlp may have ended between two checks
        return result

    def _check(self, url: str) -> None:
        try:
            self._guard.check_url(url)
        except UrlRefused as error:
            raise PermanentError(error.message, code=ErrorCode.URL_REFUSED) from error
        if not self.accepts(url):
            message = "the page's host is not one of media.yt_dlp_hosts"
            raise PermanentError(message, code=ErrorCode.URL_REFUSED)

    def _program(self) -> str:
        configured = self._section.yt_dlp
        found = shutil.which(configured) if configured else None
        if found is None:
            message = (
                "reading a video page needs yt-dlp: install it, and set media.yt_dlp to its name "
                "or path (SECRETARY_MEDIA__YT_DLP)"
            )
            details = {"settings": ["media.yt_dlp"]}
            code = ErrorCode.YT_DLP_NOT_CONFIGURED
            raise PermanentError(message, code=code, details=details)
        return str(Path(found).absolute())


class VideoPage:
    """A video page whose captions or audio can be fetched. ``YtDlp.page`` yields it."""

    def __init__(self, yt_dlp: YtDlp, program: str, url: str, folder: DownloadFolder) -> None:
        self._yt_dlp = yt_dlp
        self._program = program
        self._url = url
        self._folder = folder

    async def captions(self, language: str | None) -> str | None:
        """Return captions in *language* as WebVTT; None if no captions of at most 10 MiB exist.

        If *language* is None or not a language code, return captions in the spoken language.

        Raises:
            PermanentError: FETCH_FAILED, MEDIA_TOO_LARGE, MEDIA_TIMEOUT.
            TransientError: FETCH_FAILED; a later attempt may succeed.
        """
        wanted = f"{language}.*" if language and _LANGUAGE.fullmatch(language) else ".*-orig"
        arguments = (
            *("--skip-download", "--write-subs", "--write-auto-subs"),
            *("--sub-format", "vtt", "--sub-langs", wanted),
        )
        _check(await self._run(arguments))
        for path in self._folder.named(_STEM):
            with open_plain_file(path) as file:
                if file and path.suffix == ".vtt" and file.size <= MAX_CAPTIONS_BYTES:
                    return os.pread(file.fd, file.size, 0).decode(errors="replace")
        return None

    @asynccontextmanager
    async def fetch_audio(self) -> AsyncIterator[OpenFile]:
        """Fetch the audio of the recording, or the whole recording if the page has no audio track.

        Raises:
            PermanentError: FETCH_FAILED, MEDIA_TOO_LARGE, MEDIA_TIMEOUT.
            TransientError: FETCH_FAILED; a later attempt may succeed.
        """
        result = await self._run(_AUDIO)
        _check(result)
        for path in self._folder.named(_STEM):
            with open_plain_file(path) as file:
                if file and path.suffix not in _NOT_AUDIO:
                    yield file
                    return
        if _TOO_LARGE in result.output:
            message = "the recording is larger than media.max_mb allows"
            raise PermanentError(message, code=ErrorCode.MEDIA_TOO_LARGE)
        message = "yt-dlp found no recording on the page"
        raise PermanentError(message, code=ErrorCode.FETCH_FAILED)

    async def _run(self, arguments: tuple[str, ...]) -> ProgramResult:
        return await self._yt_dlp.run(self._program, self._url, self._folder, arguments)


def _check(result: ProgramResult) -> None:
    if result.returncode == 0:
        return
    error = _ERROR.search(result.stderr)
    reason = error[1] if error else f"it ended with {result.returncode}"
    error_type = TransientError if _TEMPORARY.search(result.stderr) else PermanentError
    raise error_type(f"yt-dlp could not fetch the page: {reason}", code=ErrorCode.FETCH_FAILED)
