"""The tests of the client see no profile of the developer."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def config(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which the command keeps its files."""
    folder = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    for name in ("SECRETARY_URL", "SECRETARY_KEY", "SECRETARY_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return folder / "secretary"
