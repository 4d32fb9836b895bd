"""ARCHITECTURE.md says what the code says."""

import re
from pathlib import Path

from secretary_common.models.states import TRANSITIONS, JobStatus

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text()
CHART = re.compile(r"^\s+(\w+) --> (\w+)", re.MULTILINE)
# `worker/engine/claims.py`, `api/http`, `tests/support/pages/`: a path in backticks.
PATH = re.compile(r"`([a-z][\w./-]*/[\w./-]*)`")
SOURCES = {
    source.name.removeprefix("secretary_"): source
    for source in [*ROOT.glob("libs/*/src/*"), *ROOT.glob("services/*/src/*")]
}


def located(path: str) -> Path:
    first, _, rest = path.partition("/")
    return SOURCES[first] / rest if first in SOURCES else ROOT / path


def test_the_state_chart_is_the_table() -> None:
    drawn = {(JobStatus(source), JobStatus(target)) for source, target in CHART.findall(TEXT)}
    known = {(source, target) for source, targets in TRANSITIONS.items() for target in targets}
    assert drawn == known


def test_every_path_it_names_exists() -> None:
    named = PATH.findall(TEXT)
    assert len(named) > 50
    assert [path for path in named if not located(path).exists()] == []
