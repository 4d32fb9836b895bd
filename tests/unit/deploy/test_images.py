"""Checks of the Dockerfiles and of the files of the profiles that need no Docker."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
LASTING = ("ENV", "WORKDIR", "USER", "EXPOSE", "HEALTHCHECK", "CMD")


def _stages() -> dict[str, list[str]]:
    """Return the instructions of each named stage of the worker's Dockerfile."""
    text = (ROOT / "services/worker/Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    instructions = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    stages: dict[str, list[str]] = {}
    for instruction in instructions:
        if match := re.fullmatch(r"FROM \S+ AS (\S+)", instruction):
            stages[match[1]] = []
        elif stages:
            stages[list(stages)[-1]].append(instruction)
    return stages


def test_both_workers_run_in_the_same_way() -> None:
    stages = _stages()
    lasting = {
        name: [one for one in stages[name] if one.startswith(LASTING)]
        for name in ("worker", "worker-media")
    }
    assert lasting["worker"] == lasting["worker-media"]


def test_only_worker_media_installs_packages_of_debian() -> None:
    installing = {
        name for name, found in _stages().items() if any("apt-get" in one for one in found)
    }
    assert installing == {"worker-media"}


def test_each_way_to_a_certificate_has_a_file() -> None:
    documented = (ROOT / "docs/deployment.md").read_text().partition("| `SECRETARY_TLS` |")[2]
    ways = set(re.findall(r"^\| `(\w+)` \|", documented.partition("\n\n")[0], re.MULTILINE))
    files = {path.stem for path in (ROOT / "deploy/caddy/tls").iterdir()}
    assert ways == files == {"automatic", "internal", "own"}


def test_grafana_finds_the_board_and_the_sources_of_its_figures() -> None:
    folder = ROOT / "deploy/grafana/provisioning"
    sources = yaml.safe_load((folder / "datasources/secretary.yml").read_text())["datasources"]
    hosts = {re.findall(r"//(\w+):", one["url"])[0] for one in sources}
    assert hosts == {"prometheus", "jaeger"} <= set(COMPOSE["services"])
    (provider,) = yaml.safe_load((folder / "dashboards/secretary.yml").read_text())["providers"]
    board = f"./deploy/grafana/secretary.json:{provider['options']['path']}/secretary.json:ro"
    assert board in COMPOSE["services"]["grafana"]["volumes"]
    json.loads((ROOT / "deploy/grafana/secretary.json").read_text())


def test_prometheus_scrapes_every_container_of_each_service() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    (scraped,) = config["scrape_configs"]
    found = {one["names"][0]: one["port"] for one in scraped["dns_sd_configs"]}
    assert found == {"api": 5001, "worker": 5002, "notifier": 5003}
    assert all(one["type"] == "A" for one in scraped["dns_sd_configs"])
