"""ARCHITECTURE.md and the packages agree."""

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secretary_common.models.states import TRANSITIONS, JobStatus

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
FAILURES = (ROOT / "docs/failures.md").read_text(encoding="utf-8")
CHART = re.compile(r"^\s+(\w+) --> (\w+)", re.MULTILINE)
# `worker/engine`, `api/http/errors.py`; also as part of a longer path in backticks.
NAMED = re.compile(
    r"`(?:services/|libs/)?((?:api|client|common|devstack|documents|notifier|worker)/[\w/.]+)`"
)
WAIVER = re.compile(r"#\s*(noqa|type:\s*ignore|pragma|nosec)\b.*")
EXPLAINED = re.compile(r"# (noqa: [A-Z0-9, ]+ - |type: ignore\[[a-z, -]+\] +# )\S")

# ``wiring.py`` of the worker builds these parts, and ``tests/support`` builds them for tests.
PARTS_OF_THE_ENGINE = frozenset(
    {
        *("AttemptFiles", "AttemptProgress", "AttemptWriter", "AttemptWriters", "HeldJob"),
        *("LogWriter", "SecretaryJobRepository", "Candidates", "Claims", "HandlerLoop"),
        *("HandlerRun", "Heartbeat", "Leases", "Reclaimer", "Runner", "SecretaryWorkerManager"),
    }
)


def packages() -> list[Any]:
    return list(runpy.run_path(str(ROOT / "deploy/local/tree.py"))["packages"]())


def test_the_state_chart_is_the_table() -> None:
    drawn = {(JobStatus(source), JobStatus(target)) for source, target in CHART.findall(TEXT)}
    known = {(source, target) for source, targets in TRANSITIONS.items() for target in targets}
    assert drawn == known


def test_every_package_has_a_docstring() -> None:
    assert [one.name for one in packages() if one.docstring in ("", "TODO.")] == []


def test_no_folder_has_more_than_fourteen_modules() -> None:
    assert [one.name for one in packages() if one.modules > 14] == []


def test_architecture_names_every_package_of_the_first_two_levels() -> None:
    names = [one.name for one in packages() if one.depth <= 1]
    # services/worker/engine may be written worker/engine.
    missing = [name for name in names if name.partition("/")[2] not in TEXT]
    assert missing == []
    assert len(names) > 20


def test_every_path_that_architecture_and_failures_name_exists() -> None:
    sources = {path.name: path for path in ROOT.glob("*/*/src/secretary_*")}
    named = {path.rstrip("/") for path in NAMED.findall(TEXT + FAILURES)}
    missing = [
        path
        for path in named
        if not (sources[f"secretary_{path.partition('/')[0]}"] / path.partition("/")[2]).exists()
    ]
    assert missing == []
    assert len(named) > 20


def parts_built_in(path: Path) -> Iterator[str]:
    """Yield each part of the engine that a test file builds or extends."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            used = [node.func]
        elif isinstance(node, ast.ClassDef):
            used = node.bases
        else:
            continue
        for one in used:
            if isinstance(one, ast.Name) and one.id in PARTS_OF_THE_ENGINE:
                yield f"{path.relative_to(ROOT)}:{node.lineno} {one.id}"


def test_a_new_argument_of_a_part_of_the_engine_breaks_no_test() -> None:
    tests = [path for path in ROOT.glob("tests/*/**/*.py") if path.parts[-2] != "support"]
    assert [part for path in tests for part in parts_built_in(path)] == []


def test_each_waiver_of_a_check_says_on_its_line_why_it_is_right() -> None:
    folders = ("libs", "services", "bench", "deploy", "demo", "examples")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    found = {
        f"{path.relative_to(ROOT)}:{number}": waiver[0]
        for path in files
        if "node_modules" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (waiver := WAIVER.search(line))
    }
    assert len(found) > 50
    assert {place: text for place, text in found.items() if not EXPLAINED.match(text)} == {}
