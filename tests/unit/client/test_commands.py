"""The command line, without the API."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from secretary_client.cli.app import make_app
from secretary_client.cli.arguments.parameters import parameter_of
from secretary_client.cli.terminal.output import as_table, printable
from secretary_client.cli.terminal.progress import described
from secretary_client.event import Event
from secretary_client.main import main
from secretary_client.models import JobError, JobProgress


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("a=b", "b"),
        ("a=", ""),
        ("a=1", 1),
        ("a=true", True),
        ('a=["eng","deu"]', ["eng", "deu"]),
        ("a=x=y", "x=y"),
        ("a=1.2.3", "1.2.3"),
        ("a=NaN", "NaN"),
        ("a=1e400", "1e400"),
    ],
)
def test_a_parameter_that_is_not_json_is_text(given: str, value: object) -> None:
    assert parameter_of(given) == ("a", value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit", "pdf", "filename"],
        ["submit", "pdf", "--wait", "filename"],
        ["submit", "pdf", "--dance=1"],
        ["cancel", "job-1", "--dance=1"],
        ["types", "a=1"],
        ["submit", "pdf", "=5"],
        ["submit", "pdf", "--delay-sec", "nan"],
        ["list", "--limit", "-1"],
        ["dance"],
        ["mcp", "--folder", "/no/such/folder"],
        ["mcp", "--folder", __file__],
        [],
    ],
)
def test_an_invalid_command_line_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--key", "k", *arguments]) == 2
    shown = capsys.readouterr()
    assert "Usage: secretary" in shown.out + shown.err


def test_a_command_without_a_key_sends_no_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SECRETARY_KEY", raising=False)
    assert main(["list"]) == 2
    assert "SECRETARY_KEY" in capsys.readouterr().err


def test_a_table_is_aligned() -> None:
    rows = [("job-1", None, ["a", "b"]), ("j", 10, [])]
    assert as_table(("JOB", "%", "TAGS"), rows).splitlines() == [
        "JOB    %   TAGS",
        "job-1  -   a, b",
        "j      10",
    ]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[2Jb\nc ü") == "a\ufffd[2Jb\ufffdc ü"
    assert "\x1b" not in as_table(("A",), [("\x1b]0;x\x07",)])


def event(name: str, progress: JobProgress | None = None, error: str | None = None) -> Event:
    failure: JobError | None = {"code": "C", "message": error, "details": None} if error else None
    return Event(
        3,
        name,
        {"seq": 3, "job_id": "job-1", "status": name, "progress": progress, "error": failure},
    )


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (event("pending"), f"[{'-' * 24}]   0 %  pending"),
        (
            event("progress", {"step": "", "percent": 50, "message": "page 1 of 2"}),
            f"[{'#' * 12}{'-' * 12}]  50 %  running    page 1 of 2",
        ),
        (
            event("failed", error="no PDF"),
            f"[{'-' * 24}]   0 %  failed     no PDF",
        ),
    ],
)
def test_progress_is_shown_in_one_line(shown: Event, line: str) -> None:
    assert described(shown) == line


def test_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "Follow a job to its end" in capsys.readouterr().out


def commands_in(made: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command with its path, also those of groups."""
    yield path, made
    for name, inner in getattr(made, "commands", {}).items():
        yield from commands_in(inner, *path, name)


def test_every_command_option_and_argument_has_a_help() -> None:
    found = dict(commands_in(get_command(make_app())))
    assert len(found) > 40
    silent = [
        (*path, parameter.name)
        for path, made in found.items()
        for parameter in made.params
        if not parameter.help
    ]
    assert silent == []
    assert [path for path, made in found.items() if not made.help] == []


def test_every_help_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    for path, _ in commands_in(get_command(make_app())):
        assert main([*path, "--help"]) == 0
        assert f"Usage: {' '.join(['secretary', *path])} " in capsys.readouterr().out


def test_listen_refuses_a_text_that_is_no_secret_at_its_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secret"
    file.write_text("bad\n")
    forward = ["listen", "--key", "k", "--forward", "http://127.0.0.1:9/"]
    assert main([*forward, "--retry-sec", "0", "--secret-file", str(file)]) == 1
    assert capsys.readouterr().err == "secretary: the secret is not whsec_ and base64\n"


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["mcp", "--http", "--port", str(port), "--key", "k"]) == 1
    message = f"port {port} of 127.0.0.1 is taken: choose another one with --port"
    assert capsys.readouterr().err == f"secretary: {message}\n"


def test_a_command_whose_output_is_not_read_to_the_end_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as output:
        command = [sys.executable, "-m", "secretary_client.main", "profiles"]
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")
