"""Checks of deploy/kubernetes that need no cluster; ``make manifests`` checks its schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from secretary_api.schemas.overview import EXAMPLE
from secretary_api.schemas.worker import Stats
from secretary_common.settings.secret_file import is_secret, names_secret_file
from secretary_common.settings.settings import DELIMITER, PREFIX, Settings, load_settings

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "kubernetes"
PORTS = {"api": 5001, "worker": 5002, "notifier": 5003}
LONGEST_WAIT_SEC = 10
Object = dict[str, Any]


def _objects() -> Iterator[Object]:
    for path in sorted(FOLDER.rglob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


OBJECTS = list(_objects())
PODS = {
    one["metadata"]["name"].removeprefix("secretary-"): one["spec"]["template"]
    for one in OBJECTS
    if one["kind"] in ("Deployment", "Job")
}
SECRETS = {one["metadata"]["name"]: one["stringData"] for one in OBJECTS if one["kind"] == "Secret"}
SETTINGS = dict(
    line.split("=", 1) for line in (FOLDER / "base/settings.env").read_text().splitlines()
)
SERVICES = sorted(set(PODS) - {"init"})


def _container(pod: str) -> Object:
    (container,) = PODS[pod]["spec"]["containers"]
    return dict(container)


def _variables(pod: str) -> dict[str, str]:
    return {one["name"]: one["value"] for one in _container(pod)["env"]}


def _place(variable: str) -> tuple[Any, str]:
    section, _, key = variable.removeprefix(PREFIX).lower().partition(DELIMITER)
    return Settings.model_fields[section].annotation, key


def test_the_settings_are_those_of_the_classes_and_none_is_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # without a config.yaml
    for variable, value in SETTINGS.items():
        model, key = _place(variable)
        assert not is_secret(model.model_fields[key]), variable
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.worker.drain_sec == float(SETTINGS["SECRETARY_WORKER__DRAIN_SEC"])


@pytest.mark.parametrize("pod", PODS)
def test_each_variable_of_a_pod_is_a_setting_and_each_secret_is_a_file(pod: str) -> None:
    files = {name for name in _variables(pod) if name.endswith("_FILE")}
    for variable, value in _variables(pod).items():
        model, key = _place(variable)
        if variable in files:
            assert names_secret_file(model, key), variable
        else:
            assert not is_secret(model.model_fields[key]), variable
            assert value
    (secret,) = [
        one["secret"]["secretName"] for one in PODS[pod]["spec"]["volumes"] if "secret" in one
    ]
    paths = {_variables(pod)[one] for one in files}
    assert paths == {f"/run/secrets/{name}" for name in SECRETS[secret]}


@pytest.mark.parametrize("pod", PODS)
def test_no_pod_has_privileges_or_a_root_that_it_can_write_to(pod: str) -> None:
    spec, container = PODS[pod]["spec"], _container(pod)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= set(container["resources"])


@pytest.mark.parametrize("service", SERVICES)
def test_only_a_service_that_hangs_is_started_again(service: str) -> None:
    container = _container(service)
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness")}
    assert {one["path"] for one in asked.values()} == {"/health/live"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    (port,) = container["ports"]
    assert port["containerPort"] == PORTS[service.partition("-")[0]]


@pytest.mark.parametrize("worker", ["worker", "worker-media"])
def test_a_worker_is_given_more_time_to_stop_than_it_drains(worker: str) -> None:
    drain_sec = float(SETTINGS["SECRETARY_WORKER__DRAIN_SEC"])
    assert PODS[worker]["spec"]["terminationGracePeriodSeconds"] > drain_sec + LONGEST_WAIT_SEC


def test_the_api_stops_only_after_requests_go_elsewhere() -> None:
    assert _container("api")["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]


@pytest.mark.parametrize("kind", ["PodDisruptionBudget", "Deployment"])
def test_each_selector_finds_the_pods_of_its_service(kind: str) -> None:
    chosen = {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == kind}
    assert set(chosen) == {f"secretary-{service}" for service in SERVICES}
    for name, one in chosen.items():
        labels = PODS[name.removeprefix("secretary-")]["metadata"]["labels"]
        assert one["spec"]["selector"]["matchLabels"] == labels


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted: dict[str, str] = selector.get("matchLabels", {})
    inside = all(
        labels[one["key"]] in one["values"] for one in selector.get("matchExpressions", [])
    )
    return wanted.items() <= labels.items() and inside


def _policies(pod: str) -> set[str]:
    labels = PODS[pod]["metadata"]["labels"]
    policies = [one for one in OBJECTS if one["kind"] == "NetworkPolicy"]
    return {
        one["metadata"]["name"] for one in policies if _selects(one["spec"]["podSelector"], labels)
    }


def test_only_those_pods_reach_the_internet_that_call_urls() -> None:
    assert {pod for pod in PODS if "secretary-internet" in _policies(pod)} == {
        *("notifier", "worker", "worker-media")
    }
    assert all("secretary-default" in _policies(pod) for pod in PODS)


def test_every_resource_of_a_kustomization_exists() -> None:
    for path in FOLDER.rglob("kustomization.yaml"):
        kustomization = yaml.safe_load(path.read_text())
        named = [*kustomization.get("resources", []), *kustomization.get("components", [])]
        assert all((path.parent / one).exists() for one in named), path


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Reference(_Strict):
    name: str


class _Metadata(_Strict):
    url: Literal["http://secretary-api.secretary.svc:5001/api/stats"]
    valueLocation: str  # noqa: N815 - KEDA's name
    targetValue: str  # noqa: N815 - KEDA's name
    authMode: Literal["bearer"]  # noqa: N815 - KEDA's name


class _Trigger(_Strict):
    type: Literal["metrics-api"]
    name: str
    metadata: _Metadata
    authenticationRef: _Reference  # noqa: N815 - KEDA's name


SCALED = [one["spec"] for one in OBJECTS if one["kind"] == "ScaledObject"]
POOLS = {
    spec["scaleTargetRef"]["name"].removeprefix("secretary-"): [
        _Trigger.model_validate(one) for one in spec["triggers"]
    ]
    for spec in SCALED
}


def test_each_formula_is_the_sum_of_its_triggers() -> None:
    for spec in SCALED:
        modifiers = spec["advanced"]["scalingModifiers"]
        names = [one["name"] for one in spec["triggers"]]
        assert modifiers["formula"].split(" + ") == names
        assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_each_trigger_reads_a_figure_that_the_api_answers() -> None:
    kinds = {name for name, field in _figures().items() if field}
    for triggers in POOLS.values():
        for trigger in triggers:
            assert re.sub(r"types\.\w+", "types.*", trigger.metadata.valueLocation) in kinds


def _figures() -> dict[str, bool]:
    answer = Stats.model_validate({name: EXAMPLE[name] for name in Stats.model_fields})
    found = {}
    for section, value in answer.model_dump(exclude={"counted_at"}).items():
        for name, figure in value.items():
            inner = figure.items() if isinstance(figure, dict) else [("", figure)]
            for key, number in inner:
                path = ["data", section, "*", key] if key else ["data", section, name]
                found[".".join(path)] = isinstance(number, int | float)
    return found


def test_the_pools_take_all_job_types_and_are_scaled_by_their_own() -> None:
    announced = {one.name for one in entry_points(group="secretary.job_types")}
    pools = {pool: _types_of(triggers) for pool, triggers in POOLS.items() if pool != "notifier"}
    assert set.union(*pools.values()) == announced
    taken = {"worker": _patched_types(), "worker-media": _variables("worker-media")}
    for pool, types in pools.items():
        assert set(json.loads(taken[pool]["SECRETARY_WORKER__JOB_TYPES"])) == types


def _types_of(triggers: list[_Trigger]) -> set[str]:
    return {trigger.metadata.valueLocation.split(".")[2] for trigger in triggers}


def _patched_types() -> dict[str, str]:
    production = yaml.safe_load((FOLDER / "overlays/production/kustomization.yaml").read_text())
    patch, *_ = [one for one in production["patches"] if one["target"]["name"].endswith("worker")]
    (added,) = [one["value"] for one in yaml.safe_load(patch["patch"]) if "value" in one]
    return {added["name"]: added["value"]}
