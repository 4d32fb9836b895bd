"""``make up`` passes the user's settings on, and says where it cannot run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from secretary_devstack.error import ServerMissing
from secretary_devstack.processes.local_system import local_system, user_settings
from secretary_devstack.processes.stack import Stack

FOLDER = Path("/home/ada")


def test_the_variables_of_settings_are_passed_on_and_no_others() -> None:
    environ = {
        "SECRETARY_WORKER__HANDLER_MODULES": '["my_jobs.handler"]',
        "SECRETARY_LLM__MODEL": "m",
        "SECRETARY_HANDLERS__TABLES__MAX_ROWS": "5",
        "SECRETARY_MONGO__URL": "mongodb://db",
        "SECRETARY_CONFIG": "my.yaml",
        "SECRETARY_URL": "http://localhost:5001",
        "SECRETARY_FILES": "./demo",
        "SECRETARY_TEST_MONGO_URL": "mongodb://db",
        "PATH": "/bin",
    }
    assert user_settings(environ, FOLDER) == {
        "worker.handler_modules": '["my_jobs.handler"]',
        "llm.model": "m",
        "handlers.tables.max_rows": "5",
        "mongo.url": "mongodb://db",
        "config": "/home/ada/my.yaml",
    }


def test_the_ports_that_the_system_asks_are_its_own() -> None:
    ports = ("SECRETARY_WORKER__HTTP_PORT", "SECRETARY_NOTIFIER__HTTP_PORT")
    assert user_settings(dict.fromkeys(ports, "1"), FOLDER) == {}


def test_the_settings_of_the_user_win(tmp_path: Path) -> None:
    given: dict[str, object] = {"api.bootstrap_key": "sk_mine", "worker.drain_sec": "60"}
    stack = Stack(tmp_path, mongo_url="mongodb://ours", settings=given)
    assert stack.keys.bootstrap == "sk_mine"
    assert stack.settings["worker.drain_sec"] == "60"
    assert stack.settings["mongo.url"] == "mongodb://ours"


def test_elsewhere_than_on_linux_one_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with (
        pytest.raises(ServerMissing, match=r"only on Linux.*make compose-up"),
        local_system(tmp_path, broker=False, say=print),
    ):
        pass
