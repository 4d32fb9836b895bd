"""The configuration file at the root shows every setting with its default."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from secretary_common.settings.settings import Settings, load_settings

EXAMPLE = Path(__file__).parents[3] / "config.yaml"
SECRET = {
    ("api", "pepper"),
    ("api", "bootstrap_key"),
    ("security", "encryption_keys"),
    *((provider, "api_key") for provider in ("mistral", "vision", "llm", "transcription")),
}
WITHOUT_VALUE = {("pdf", "tessdata")}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("SECRETARY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_example_changes_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = load_settings()
    monkeypatch.setenv("SECRETARY_CONFIG", str(EXAMPLE))
    assert load_settings() == defaults


def test_the_example_has_every_setting_except_secrets() -> None:
    shown = yaml.safe_load(EXAMPLE.read_text())
    named = {(section, key) for section, keys in shown.items() for key in keys}
    known = {
        (section, key)
        for section, field in Settings.model_fields.items()
        for key in getattr(field.annotation, "model_fields", {})  # ``handlers`` has none
    }
    assert named == known - SECRET - WITHOUT_VALUE
