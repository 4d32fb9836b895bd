from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from secretary_common.settings.settings import load_settings

ROOT = Path(__file__).resolve().parents[3]
SECRETS = (
    "api.pepper",
    "api.bootstrap_key",
    "security.encryption_keys",
    "notifier.signing_secrets",
)


def make_env(path: Path) -> dict[str, str]:
    """Run the script on *path* and return the variables in it."""
    script = ROOT / "deploy/compose/make_env.py"
    subprocess.run([sys.executable, script, path], check=True, capture_output=True)
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value.strip("'") for name, equals, value in pairs if equals}


def test_the_services_accept_what_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in make_env(tmp_path / ".env").items():
        monkeypatch.setenv(name, value)
    settings = load_settings(require=SECRETS)
    assert len(settings.security.encryption_keys) == 1


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    make_env(tmp_path / ".env")
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    first = make_env(tmp_path / ".env")
    assert make_env(tmp_path / ".env") == first


def test_it_adds_only_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRETARY_API__PEPPER='mine'\nRABBITMQ_PASSWORD=''\nOTHER=1")
    found = make_env(path)
    assert found["SECRETARY_API__PEPPER"] == "mine"
    assert found["OTHER"] == "1"
    assert found["RABBITMQ_PASSWORD"]
    assert len(found) == 6


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    one, other = make_env(tmp_path / "one"), make_env(tmp_path / "other")
    assert not set(one.values()) & set(other.values())
