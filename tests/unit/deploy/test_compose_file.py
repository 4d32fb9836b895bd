"""Checks of docker-compose.yml that need no Docker; ``make compose-test`` runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretary_common.settings.secret_file import is_secret, names_secret_file
from secretary_common.settings.settings import DELIMITER, PREFIX, Settings

ROOT = Path(__file__).resolve().parents[3]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
    "services"
]
OURS = ["init", "api", "worker", "notifier"]
CORE = [name for name, one in SERVICES.items() if "profiles" not in one]
PROFILES = {"prometheus": "observability", "grafana": "observability", "jaeger": "observability"}
PROFILES["caddy"] = "tls"
PINNED = dict(
    line.split("=")
    for line in (ROOT / "deploy/compose/pinned.env").read_text().splitlines()
    if not line.startswith("#")
)
CAPABILITIES = {"secrets": ["CHOWN", "DAC_OVERRIDE"], "caddy": ["NET_BIND_SERVICE"]}


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


@pytest.mark.parametrize("service", OURS)
def test_every_setting_in_it_exists(service: str) -> None:
    for variable in SERVICES[service]["environment"]:
        section, _, key = variable.removeprefix(PREFIX).lower().partition(DELIMITER)
        model: Any = Settings.model_fields[section].annotation
        assert key in model.model_fields or names_secret_file(model, key), variable


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_has_privileges_or_a_root_that_it_can_write_to(service: str) -> None:
    definition = SERVICES[service]
    assert definition["read_only"] is True
    assert definition["cap_drop"] == ["ALL"]
    assert definition["security_opt"] == ["no-new-privileges:true"]
    assert definition.get("cap_add", []) == CAPABILITIES.get(service, [])


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_has_a_limit_of_memory_processes_and_cpu(service: str) -> None:
    assert {"mem_limit", "pids_limit", "cpu_period", "cpu_quota"} <= set(SERVICES[service])


def test_no_image_of_another_project_runs_as_root() -> None:
    assert {SERVICES[name]["user"] for name in ("mongo", "rabbitmq")} == {"999:999"}
    for service in PROFILES:
        assert not SERVICES[service]["user"].startswith("0:")


def test_the_profiles_add_services_and_without_them_nothing_changes() -> None:
    assert {name: one["profiles"] for name, one in SERVICES.items() if name not in CORE} == {
        name: [profile] for name, profile in PROFILES.items()
    }


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_stands_in_an_environment(service: str) -> None:
    for variable, value in SERVICES[service].get("environment", {}).items():
        section, _, key = variable.removeprefix(PREFIX).lower().partition(DELIMITER)
        field = Settings.model_fields.get(section)
        known = getattr(field.annotation, "model_fields", {}) if field else {}
        assert key not in known or not is_secret(known[key]), variable
        assert "PASSWORD" not in variable or variable.endswith("_FILE")
        assert "PASSWORD" not in value


@pytest.mark.parametrize("service", ["mongo", "rabbitmq", *PROFILES])
def test_the_image_of_another_project_has_its_minor_version(service: str) -> None:
    variable, image = re.findall(r"\{(\w+):-(.+)\}", SERVICES[service]["image"])[0]
    assert variable == f"SECRETARY_{service.upper()}_IMAGE"
    pinned = PINNED.get(variable, image)
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+(\.\d+)?(-management)?", pinned)
    assert pinned == image or re.sub(r"(:\d+)\.\d+", r"\1", pinned) == image


def test_a_worker_is_given_more_time_to_stop_than_it_drains() -> None:
    worker = SERVICES["worker"]
    drain_sec = float(worker["environment"]["SECRETARY_WORKER__DRAIN_SEC"])
    assert _seconds(worker["stop_grace_period"]) > drain_sec + 10


def test_without_a_profile_only_the_api_is_reachable_and_only_from_this_machine() -> None:
    published = {name: SERVICES[name]["ports"] for name in CORE if "ports" in SERVICES[name]}
    assert published == {"api": ["${SECRETARY_API_ADDRESS:-127.0.0.1:5001}:5001"]}


def test_of_the_profiles_only_caddy_is_reachable_from_other_machines() -> None:
    for service in set(PROFILES) - {"caddy"}:
        (port,) = SERVICES[service]["ports"]
        assert _with_defaults(port).startswith("127.0.0.1:")
    assert [_with_defaults(port) for port in SERVICES["caddy"]["ports"]] == ["80:80", "443:443"]


def test_no_service_of_a_profile_reaches_the_servers() -> None:
    assert {tuple(SERVICES[service]["networks"]) for service in PROFILES} == {("default",)}


def test_workers_can_be_scaled() -> None:
    assert all("container_name" not in one for one in SERVICES.values())


def test_each_service_reads_secrets_of_its_own_volume_alone() -> None:
    for service, definition in SERVICES.items():
        mounted = [one for one in definition.get("volumes", []) if one.startswith("secrets-")]
        has_none = service in ("jaeger", "caddy")
        expected = [] if has_none else [f"secrets-{service}:/run/secrets:ro"]
        assert service == "secrets" or mounted == expected
    assert "secrets:/secrets/all" in SERVICES["secrets"]["volumes"]


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
    build = override["services"]["worker"]["build"]
    dockerfile = (example / "Dockerfile").read_text()
    assert build["args"] == {"WORKER_IMAGE": worker}
    assert f"ARG WORKER_IMAGE={worker}\n" in dockerfile
    # Without one of its own, the target of docker-compose.yml would count.
    assert f"FROM ${{WORKER_IMAGE}} AS {build['target']}\n" in dockerfile
