"""The alerts and the board use metrics that exist, and lead to pages that exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.metric_modules import series

ROOT = Path(__file__).parents[3]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
TESTS = yaml.safe_load((ROOT / "tests/prometheus/alerts_test.yml").read_text())["tests"]
BOARD = json.loads((ROOT / "deploy/grafana/secretary.json").read_text())
PAGE = (ROOT / "docs/operations.md").read_text()
# Prometheus itself and its client library show these.
OTHERS = frozenset({"process_resident_memory_bytes", "process_cpu_seconds_total", "up", "ALERTS"})
NAME = re.compile(r"\b(secretary_\w+|process_\w+)")
SELECTED = re.compile(r"(secretary_\w+)\{([^}]*)\}")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
GROUPED = re.compile(r"by \(([^)]*)\)")
KNOWN = series()


def alerts() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in alerts())
    for panel in BOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    for variable in BOARD["templating"]["list"]:
        yield variable["query"]
    for test in TESTS:
        yield from (one["series"] for one in test["input_series"])


def family(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


def test_every_metric_of_alerts_and_board_exists() -> None:
    named = {name for expression in expressions() for name in NAME.findall(expression)}
    assert named - set(KNOWN) - OTHERS == set()
    assert len(named) > 40


def test_every_label_of_alerts_and_board_exists() -> None:
    scraped = {"instance", "job"}
    wrong = [
        (name, label)
        for expression in expressions()
        for name, labels in SELECTED.findall(expression)
        for label in LABEL.findall(labels)
        if label not in KNOWN[name] | scraped
    ]
    every = frozenset().union(*KNOWN.values()) | scraped
    grouped = {
        label.strip()
        for expression in expressions()
        for labels in GROUPED.findall(expression)
        for label in labels.split(",")
    }
    assert wrong == []
    assert grouped - every == set()


def test_every_metric_is_on_the_board_or_in_an_alert_or_is_left_out_by_name() -> None:
    shown = {family(name) for each in expressions() for name in NAME.findall(each)}
    left_out = {
        "secretary_cache_evicted_total",
        "secretary_cache_puts_total",
        "secretary_cache_stored_bytes",
        "secretary_cache_transferred_bytes_total",
        "secretary_descriptor_shortages_total",
        "secretary_documents_unreadable_total",
        "secretary_loop_failures_total",
        "secretary_pdf_pages_total",
        "secretary_provider_uploads_left_total",
        "secretary_worker_slots",
    }
    assert {family(name) for name in KNOWN} - shown == left_out


@pytest.mark.parametrize("alert", [pytest.param(rule, id=rule["alert"]) for rule in alerts()])
def test_every_alert_has_a_test_in_which_it_fires_and_a_runbook(alert: dict[str, Any]) -> None:
    fired = [
        sample["labels"]
        for test in TESTS
        for expected in test["promql_expr_test"]
        for sample in expected.get("exp_samples", [])
    ]
    assert any(f'"{alert["alert"]}"' in labels for labels in fired)
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert page == "docs/operations.md"
    headings = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    assert anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_the_hour_of_healthy_load_has_every_metric_of_the_alerts() -> None:
    healthy = {one["series"].partition("{")[0] for one in TESTS[0]["input_series"]}
    used = {name for rule in alerts() for name in NAME.findall(rule["expr"])}
    assert used - healthy == set()
    assert all("exp_samples" not in expected for expected in TESTS[0]["promql_expr_test"])


def test_no_two_panels_of_the_board_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not covered & cells
        cells |= covered
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
