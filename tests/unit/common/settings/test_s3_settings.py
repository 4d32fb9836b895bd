"""Connections to stores in the configuration, with their secrets in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secretary_common.errors import ConfigurationError
from secretary_common.settings.settings import load_settings

CONNECTION = {
    "endpoint": "https://store.example",
    "buckets": ["invoices", "shared/in"],
    "access_key_id": "AKIA",
    "secret_access_key": "the secret",
}


@pytest.fixture(autouse=True)
def _no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def load(monkeypatch: pytest.MonkeyPatch, section: dict[str, Any]) -> Any:
    for key, value in section.items():
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv(f"SECRETARY_S3__{key.upper()}", text)
    return load_settings().s3


def test_a_connection_names_its_buckets_and_prefixes(monkeypatch: pytest.MonkeyPatch) -> None:
    section = load(monkeypatch, {"connections": {"one": CONNECTION}, "uploads": "s3://invoices/up"})
    places = [str(place) for place in section.connections["one"].places]
    assert places == ["s3://invoices/", "s3://shared/in/"]
    assert section.uploads == "s3://invoices/up/"
    assert "the secret" not in repr(section)


def test_the_keys_of_a_connection_come_from_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = {}
    for name in ("access_key_id", "secret_access_key"):
        (tmp_path / name).write_text(f"{name} of a file\n")
        secrets[f"{name}_file"] = str(tmp_path / name)
    rest = {name: CONNECTION[name] for name in ("endpoint", "buckets")}
    connection = load(monkeypatch, {"connections": {"one": {**rest, **secrets}}}).connections["one"]
    assert connection.secret_access_key.get_secret_value() == "secret_access_key of a file"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"connections": {"one": CONNECTION, "two": CONNECTION}}, "two of them have the bucket"),
        ({"uploads": "s3://invoices/up/"}, "uploads: the place is in no bucket"),
        ({"connections": {"one": {**CONNECTION, "endpoint": "https://a/path"}}}, "endpoint"),
        ({"connections": {"one": {**CONNECTION, "endpoint": "https://k:s@a"}}}, "endpoint"),
        ({"connections": {"one": {**CONNECTION, "buckets": []}}}, "buckets"),
        ({"connections": {"one": {**CONNECTION, "buckets": ["a b"]}}}, "buckets"),
        ({"connections": {"one": {**CONNECTION, "secret": "x"}}}, "no such key"),
    ],
)
def test_a_bad_connection_stops_the_service_without_showing_a_secret(
    monkeypatch: pytest.MonkeyPatch, section: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        load(monkeypatch, section)
    assert "the secret" not in refused.value.message
    assert "k:s@" not in refused.value.message
