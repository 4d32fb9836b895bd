"""ARCHITECTURE.md tells the truth about the states."""

import re
from pathlib import Path

from secretary_common.models.states import TRANSITIONS, JobStatus

CHART = re.compile(r"^\s+(\w+) --> (\w+)", re.MULTILINE)


def test_the_state_chart_is_the_table() -> None:
    text = Path(__file__).parents[2].joinpath("ARCHITECTURE.md").read_text()
    drawn = {(JobStatus(source), JobStatus(target)) for source, target in CHART.findall(text)}
    known = {(source, target) for source, targets in TRANSITIONS.items() for target in targets}
    assert drawn == known
