"""Checks of docker-compose.yml that need no Docker; ``make compose-test`` runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretary_common.settings.settings import DELIMITER, PREFIX, Settings

ROOT = Path(__file__).resolve().parents[3]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
    "services"
]
OURS = ["init", "api", "worker", "notifier"]


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


@pytest.mark.parametrize("service", OURS)
def test_every_setting_in_it_exists(service: str) -> None:
    for variable in SERVICES[service]["environment"]:
        section, _, key = variable.removeprefix(PREFIX).lower().partition(DELIMITER)
        field = Settings.model_fields[section].annotation
        assert key in getattr(field, "model_fields", {}), variable


@pytest.mark.parametrize("service", OURS)
def test_our_containers_have_no_privileges(service: str) -> None:
    definition = SERVICES[service]
    assert definition["read_only"] is True
    assert definition["cap_drop"] == ["ALL"]
    assert definition["security_opt"] == ["no-new-privileges:true"]


def test_a_worker_is_given_more_time_to_stop_than_it_drains() -> None:
    worker = SERVICES["worker"]
    drain_sec = float(worker["environment"]["SECRETARY_WORKER__DRAIN_SEC"])
    assert _seconds(worker["stop_grace_period"]) > drain_sec + 10


def test_only_the_api_is_reachable_and_only_from_this_machine() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published == {"api": ["${SECRETARY_API_ADDRESS:-127.0.0.1:5001}:5001"]}


def test_workers_can_be_scaled() -> None:
    assert all("container_name" not in one for one in SERVICES.values())


def test_each_secret_goes_only_to_the_services_that_need_it() -> None:
    users = {
        "SECRETARY_API__PEPPER": {"api"},
        "SECRETARY_API__BOOTSTRAP_KEY": {"api"},
        "SECRETARY_NOTIFIER__SIGNING_SECRETS": {"notifier"},
        "SECRETARY_BROKER__MANAGEMENT_URL": {"init"},
        "SECRETARY_MISTRAL__API_KEY": {"worker"},
        "SECRETARY_VISION__API_KEY": {"worker"},
        "SECRETARY_LLM__API_KEY": {"worker"},
        "SECRETARY_TRANSCRIPTION__API_KEY": {"worker"},
    }
    for secret, expected in users.items():
        assert {name for name in OURS if secret in SERVICES[name]["environment"]} == expected


def _with_defaults(text: str) -> str:
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


@pytest.mark.parametrize("service", OURS)
def test_no_public_registry_is_asked_for_our_images(service: str) -> None:
    name = _with_defaults(SERVICES[service]["image"])
    assert name == f"localhost/secretary-{service}:local"


def test_the_example_builds_on_the_image_that_its_readme_builds_first() -> None:
    """Init is built from the same file under another name, and in parallel with the worker."""
    example = ROOT / "examples" / "custom_handler"
    readme, worker = (
        (example / "README.md").read_text(),
        _with_defaults(SERVICES["worker"]["image"]),
    )
    assert "docker compose --file docker-compose.yml build worker\n" in readme
    override = yaml.safe_load(readme.partition("```yaml\n")[2].partition("```")[0])
    assert override["services"]["worker"]["build"]["args"] == {"WORKER_IMAGE": worker}
    assert f"ARG WORKER_IMAGE={worker}\n" in (example / "Dockerfile").read_text()
