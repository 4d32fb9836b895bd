"""Prometheus' own tool accepts the alerts and the metrics, and runs the tests of the alerts."""

import subprocess
from pathlib import Path

from prometheus_client import generate_latest
from support.metric_modules import MODULES, metrics_of

ROOT = Path(__file__).parents[3]


def promtool(*arguments: str, given: bytes = b"") -> str:
    """Run promtool in the root; return its output. Raise if it finds a fault."""
    done = subprocess.run(
        ["promtool", *arguments], input=given, capture_output=True, cwd=ROOT, check=False
    )
    output = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, output
    return output


def test_the_rules_are_valid() -> None:
    assert "SUCCESS: 21 rules found" in promtool("check", "rules", "deploy/prometheus/alerts.yml")


def test_each_alert_fires_at_its_fault_and_none_in_an_hour_of_healthy_load() -> None:
    assert "SUCCESS" in promtool("test", "rules", "tests/prometheus/alerts_test.yml")


def test_prometheus_finds_no_fault_in_the_metrics() -> None:
    for module in MODULES:
        for metric in metrics_of(module).values():
            if labels := metric._labelnames:
                metric.labels(*("x" for _ in labels))
    promtool("check", "metrics", given=generate_latest())
