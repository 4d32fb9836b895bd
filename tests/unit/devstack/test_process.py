"""How settings become the environment of a service."""

from __future__ import annotations

import pytest

from secretary_devstack.processes.service import environment


def test_settings_become_variables_and_lists_json() -> None:
    made = environment({"worker.lease_sec": 2, "files.roots": ["/a", "/b"], "broker.url": ""})
    assert made["SECRETARY_WORKER__LEASE_SEC"] == "2"
    assert made["SECRETARY_FILES__ROOTS"] == '["/a", "/b"]'
    assert made["SECRETARY_BROKER__URL"] == ""


def test_a_service_inherits_everything_but_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETARY_WORKER__LEASE_SEC", "77")
    monkeypatch.setenv("LANG", "C.UTF-8")
    made = environment({})
    assert not [name for name in made if name.startswith("SECRETARY_")]
    assert made["LANG"] == "C.UTF-8"
