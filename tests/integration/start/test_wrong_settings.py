"""A wrong setting ends each service at start with one line that names it and shows no secret."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.processes.service import console_script, environment
from secretary_devstack.servers.port import free_port

ALL = ("secretary-init", "secretary-api", "secretary-worker", "secretary-notifier")
INIT = ("secretary-init",)
WORKER = ("secretary-worker",)
ENDS_SEC = 60

MODULES = {
    "broken_syntax": "def oops(:\n",
    "broken_name": "\nunknown_name\n",
    "broken_setup": "def setup(context):\n    raise RuntimeError('hello')\n",
    "broken_register": "from secretary_worker import register\nregister('', print)\n",
}

CASES = [
    # services, settings, what the line names
    (ALL, {"mongo.url": "mongodb://u:hun/ter2@h/"}, "mongo.url: "),
    (INIT, {"mongo.url": "mongodb://u:hunter2@h/?readPreference=sometimes"}, "readPreference"),
    (INIT, {"mongo.database": "a.b"}, "mongo.database: "),
    (ALL, {"broker.url": "amqp://u:hun/ter2@h/"}, "broker.url: "),
    (INIT, {"broker.management_url": "u:hunter2@h:15672"}, "broker.management_url"),
    (WORKER, {"worker.handler_modules": ["not_there"]}, "worker.handler_modules: not_there: "),
    *(
        (WORKER, {"worker.handler_modules": [name]}, f"worker.handler_modules: {name}: ")
        for name in MODULES
    ),
    (("secretary-api",), {"api.pepper": "hunter2"}, "api.pepper: "),
    (("secretary-api",), {"api.bootstrap_key": "hunter2" * 3}, "api.bootstrap_key: "),
    (WORKER, {"worker.host": "no.such.host.invalid"}, "worker.host, worker.http_port: "),
    (("secretary-api",), {"api.host": "192.0.2.1"}, "api.host, api.port: "),
]


@pytest.fixture
def handlers(tmp_path: Path) -> Iterator[None]:
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        yield


def ending(script: str, folder: Path, settings: Mapping[str, object], **more: str) -> str:
    """What the service writes before it ends with status 1."""
    good = {
        "api.pepper": "hunter2" * 4,
        "api.port": free_port(),
        "notifier.http_port": free_port(),
        "security.encryption_keys": [Fernet.generate_key().decode()],
        "worker.http_port": free_port(),
    }
    log = folder / f"{script}.log"
    log.unlink(missing_ok=True)
    child = ChildProcess(
        [console_script(script)],
        log=log,
        env={**environment({**good, **settings}), **more},
        cwd=folder,
    )
    try:
        assert child.wait(ENDS_SEC) == 1
    finally:
        child.kill()
    return log.read_text()


def check_line(script: str, said: str, named: str) -> None:
    # On a machine without LibreOffice, a worker says first which formats it cannot read.
    lines = said.splitlines(keepends=True)
    (line,) = (line for line in lines if " documents.formats_missing " not in line)
    assert line.startswith(f"{script}: "), said
    assert line.endswith("\n"), said
    assert named in said
    for part in ("hun", "ter2"):
        assert part not in said


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(
    ("script", "settings", "named"),
    [(script, settings, named) for scripts, settings, named in CASES for script in scripts],
)
def test_a_wrong_setting_ends_the_service_with_one_line(
    tmp_path: Path, script: str, settings: dict[str, object], named: str
) -> None:
    check_line(script, ending(script, tmp_path, settings), named)


@pytest.mark.parametrize(
    ("script", "setting"),
    [
        ("secretary-api", "api.port"),
        ("secretary-worker", "worker.http_port"),
        ("secretary-notifier", "notifier.http_port"),
    ],
)
def test_a_port_that_is_taken_is_named(tmp_path: Path, script: str, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = ending(script, tmp_path, {setting: port})
        check_line(script, said, f"{setting}: cannot listen on 127.0.0.1:{port}: ")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("api: {pepper: hunter2", "config.yaml: not YAML, line 1"),
        ("- hunter2", "config.yaml: it must hold sections"),
        ("hunter2", "config.yaml: it must hold sections"),
        ("log: hunter2", "log: "),
        ("mongo:\n  url: [hunter2]", "mongo.url: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    check_line("secretary-init", ending("secretary-init", tmp_path, {}), named)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"api: {pepper: \xff\xfe}")
    check_line("secretary-init", ending("secretary-init", tmp_path, {}), "config.yaml: ")
    (tmp_path / "config.yaml").unlink()
    said = ending("secretary-init", tmp_path, {}, SECRETARY_CONFIG="/nowhere/x.yaml")
    check_line("secretary-init", said, "SECRETARY_CONFIG")
    said = ending("secretary-init", tmp_path, {}, SECRETARY_FILES__ROOTS="[hunter2")
    check_line("secretary-init", said, "files")
