"""Video pages and programs that replace yt-dlp: good and bad ones."""

import asyncio
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from support import media_samples
from support.handler_harness import all_gone
from support.provider_harness import until

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_common.http.url_guard import UrlGuard
from secretary_common.settings.documents import MediaSection
from secretary_documents.media.yt_dlp import YtDlp

URL = "https://www.youtube.com/watch?v=abc"
WAV = media_samples.silent_wav(0.1)
Make = Callable[..., YtDlp]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The place for the folders of calls. No folder is left after a test."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


@pytest.fixture
def make(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a yt-dlp that runs *body*. Each call writes a line to ``asked`` and a file ``pid``."""
    (tmp_path / "sound.wav").write_bytes(WAV)
    media_samples.open_to_programs(monkeypatch, tmp_path)

    def make(body: str, **settings: Any) -> YtDlp:
        noted = f'echo "$@" >> {tmp_path}/asked; echo $$ > {tmp_path}/pid; pwd > {tmp_path}/folder'
        program = media_samples.script(tmp_path / "yt-dlp", f"{noted}\nbase={tmp_path}\n{body}")
        section = MediaSection(**{"yt_dlp": str(program), "max_mb": 1, **settings})
        return YtDlp(section, UrlGuard())

    return make


async def sound(one: YtDlp, url: str = URL) -> bytes:
    async with one.page(url) as page, page.fetch_audio() as file:
        return os.pread(file.fd, file.size, 0)


async def captions(one: YtDlp, language: str | None = "en") -> str | None:
    async with one.page(URL) as page:
        return await page.captions(language)


async def failure(one: YtDlp, url: str = URL) -> SecretaryError:
    with pytest.raises(SecretaryError) as caught:
        await sound(one, url)
    return caught.value


async def test_the_sound_of_a_page_is_fetched_without_configuration_or_cookies(
    make: Make, tmp_path: Path
) -> None:
    assert await sound(make("cp $base/sound.wav media.wav")) == WAV
    asked = shlex.split((tmp_path / "asked").read_text())
    assert asked[-2:] == ["--", URL]
    assert {"--ignore-config", "--no-cookies", "--no-plugin-dirs", "--no-playlist"} < set(asked)
    assert asked[asked.index("--use-extractors") + 1] == "default,-generic"
    assert asked[asked.index("--max-filesize") + 1] == str(2**20)


@pytest.mark.parametrize(("language", "asked_for"), [("en", "en.*"), (None, ".*-orig")])
async def test_captions_are_requested_in_the_spoken_language(
    make: Make, tmp_path: Path, language: str | None, asked_for: str
) -> None:
    one = make("echo WEBVTT > media.en-orig.vtt; echo other > media.vtt.part; echo x > list.vtt")
    assert await captions(one, language) == "WEBVTT\n"
    asked = shlex.split((tmp_path / "asked").read_text())
    assert asked[asked.index("--sub-langs") + 1] == asked_for
    assert "--skip-download" in asked


async def test_a_page_without_captions_has_none(make: Make) -> None:
    assert await captions(make("exit 0")) is None


@pytest.mark.parametrize(
    "body",
    [
        "head -c 900000 /dev/zero > media.a; head -c 900000 /dev/zero > media.b; sleep 60",
        "mkdir -p a/b; head -c 1048577 /dev/zero > a/b/c; sleep 60",
        "exec cat /dev/zero > media.wav",
        "head -c 900000 /dev/zero > media.a; head -c 900000 /dev/zero > media.b",
        'echo "File is larger than max-filesize (2 bytes > 1 bytes). Aborting."',
    ],
    ids=["two files", "below", "without end", "and ends", "says so"],
)
async def test_a_download_beyond_its_limit_is_stopped(
    make: Make, tmp_path: Path, body: str
) -> None:
    error = await failure(make(body))
    assert error.code == ErrorCode.MEDIA_TOO_LARGE
    await all_gone(int((tmp_path / "pid").read_text()))


async def test_a_yt_dlp_that_hangs_is_killed_with_its_children(make: Make, tmp_path: Path) -> None:
    error = await failure(make("sleep 600 &\nsleep 600", yt_dlp_timeout_sec=1))
    assert error.code == ErrorCode.MEDIA_TIMEOUT
    await all_gone(int((tmp_path / "pid").read_text()))


async def test_cancelling_kills_yt_dlp_at_once(make: Make, tmp_path: Path) -> None:
    fetching = asyncio.create_task(sound(make("sleep 600")))
    pid = tmp_path / "pid"
    await until(lambda: pid.exists() and pid.read_text(), "its start")
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    await all_gone(int(pid.read_text()))


async def test_cancelling_at_the_start_kills_yt_dlp_too(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, start = tmp_path / "pid", asyncio.create_subprocess_exec
    jobs: list[asyncio.Task[bytes]] = []
    started: list[asyncio.subprocess.Process] = []

    async def slow_start(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        process = await start(*arguments, **options)
        started.append(process)
        await until(lambda: pid.exists() and pid.read_text(), "its start")
        jobs[0].cancel()
        await asyncio.sleep(0)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slow_start)
    jobs.append(asyncio.create_task(sound(make("sleep 600 &\nsleep 600"))))
    with pytest.raises(asyncio.CancelledError):
        await jobs[0]
    assert [process.returncode for process in started] == [-signal.SIGKILL]
    await all_gone(int(pid.read_text()))


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ("ERROR: [youtube] abc: Video unavailable. It is private", PermanentError),
        ("ERROR: [youtube] abc: HTTP Error 503: Service Unavailable", TransientError),
        ("ERROR: [youtube] abc: HTTP Error 429: Too Many Requests", TransientError),
        ("ERROR: [youtube] abc: HTTP Error 404: Not Found", PermanentError),
        ("ERROR: [vimeo] 1: [Errno -2] Name or service not known", TransientError),
    ],
)
async def test_the_error_repeats_the_message_of_yt_dlp(
    make: Make, says: str, kind: type[SecretaryError]
) -> None:
    error = await failure(make(f"echo '{says}' >&2; exit 1"))
    assert type(error) is kind
    assert error.code == ErrorCode.FETCH_FAILED
    assert says.removeprefix("ERROR: ") in error.message


@pytest.mark.parametrize(
    "body",
    [
        "exit 0",
        "ln -s $base/sound.wav media.wav",
        "ln $base/sound.wav media.wav",
        "mkfifo media.wav",
        "mkdir media.wav; cp $base/sound.wav media.wav/",
        "cp $base/sound.wav other.wav; cp $base/sound.wav .media.wav",
        "cp $base/sound.wav media.wav.part",
        ": > media.wav",
    ],
    ids=["nothing", "link", "hard link", "pipe", "folder", "other name", "part", "empty"],
)
async def test_only_a_plain_file_with_the_expected_name_is_taken(make: Make, body: str) -> None:
    error = await failure(make(body))
    assert error.code == ErrorCode.FETCH_FAILED
    assert "no recording" in error.message


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com.example.org/watch?v=1",
        "https://example.org/?www.youtube.com",
        "http://169.254.169.254/latest",
        "https://www.youtube.com@169.254.169.254/",
        "https://user:secret@youtu.be/abc",
        "http://youtu.be:22/",
        "file:///etc/passwd",
        "--exec=id",
        "ytsearch:cats",
    ],
)
async def test_yt_dlp_gets_only_pages_of_listed_hosts(make: Make, tmp_path: Path, url: str) -> None:
    error = await failure(make("exit 0"), url)
    assert error.code == ErrorCode.URL_REFUSED
    assert not (tmp_path / "asked").exists()


FETCH = """#!{python} -IS
import urllib.request
content = urllib.request.urlopen("http://media.example:{port}/").read()
open("media.wav", "wb").write(content)
"""


@contextmanager
def web_server(answer: bytes) -> Iterator[tuple[int, list[str]]]:
    """Run a server that gives *answer* to each request; yield its port and the paths it got."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1], paths
        server.shutdown()


async def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def fetching(folder: Path, port: int) -> YtDlp:
    """Return a yt-dlp that fetches the page of ``media.example``, which is on this machine."""
    program = folder / "yt-dlp"
    program.write_text(FETCH.format(python=sys.executable, port=port))
    program.chmod(0o755)
    guard = UrlGuard(allow_hosts=[f"media.example:{port}"], lookup=here)
    return YtDlp(MediaSection(yt_dlp=str(program), max_mb=1), guard)


@pytest.mark.usefixtures("place")
async def test_yt_dlp_reaches_what_the_guard_allows_by_its_name(tmp_path: Path) -> None:
    with web_server(b"HTTP/1.0 200 OK\r\n\r\n" + WAV) as (port, paths):
        assert await sound(fetching(tmp_path, port)) == WAV
    assert paths == ["/"]


@pytest.mark.usefixtures("place")
async def test_yt_dlp_follows_no_redirect_to_what_the_guard_refuses(tmp_path: Path) -> None:
    with web_server(b"HTTP/1.0 200 OK\r\n\r\nsecret") as (inside, reached):
        answer = f"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:{inside}/\r\n\r\n"
        with web_server(answer.encode()) as (port, paths):
            error = await failure(fetching(tmp_path, port))
    assert error.code == ErrorCode.FETCH_FAILED
    assert (paths, reached) == (["/"], [])


@pytest.mark.parametrize("program", ["", "no-such-program"])
async def test_without_yt_dlp_the_setting_is_named(make: Make, program: str) -> None:
    error = await failure(make("exit 0", yt_dlp=program))
    assert error.code == ErrorCode.YT_DLP_NOT_CONFIGURED
    assert error.details == {"settings": ["media.yt_dlp"]}
