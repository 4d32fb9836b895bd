"""No regular expression of the packages takes more than linear time, whatever it reads."""

import os
import re
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from support import linear_pattern
from support.linear_pattern import slow_text
from support.pattern_attack import Attack, attacks_on
from support.pattern_search import calls_inside_functions

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("libs", "services", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if "tests" not in path.parts
)
PACKAGES = (
    "secretary_api",
    "secretary_client",
    "secretary_common",
    "secretary_devstack",
    "secretary_documents",
    "secretary_notifier",
    "secretary_worker",
    "word_frequency",  # of examples/custom_handler
    "webhook_receiver",  # of examples
)
PATHS = ("tests", "examples", "examples/custom_handler/src")
CPU_SEC = 300
"""Far more than all patterns take; a pattern that hangs ends here."""

# As they were before they were made linear, and what stopped the worker.
QUADRATIC = {
    "slot": (
        r"\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*(?::\s*(\w+(?:\s*<[^<>|]*>)?))?\s*(?:\|(.*))?",
        re.DOTALL,
        "fullmatch",
    ),
    "voice": (r"<v(?:\.[^\s>]*)?\s+([^<>]{1,100})>", 0, "sub"),
    "fenced": (r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL, "sub"),
    "thought": (r"\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL, "sub"),
    "link": (r"\[([^\]]*)\]\([^)\s]*\)", 0, "sub"),
    "no_memory": (r"\b[mc]?(?:re)?alloc \(.*\) failed", 0, "search"),
    "spaces_at_the_end": (r"\s+$", 0, "search"),
    "two_repeats": (r"[a-z]+\d*[a-z]+!", 0, "match"),
}
LINEAR = {
    "slot": (r"\s*+([a-z]{1,9}+)\s*+(?::\s*+(\w++))?+\s*+(?:\|(.*+))?+", "fullmatch"),
    "bounded": (r"<[^<>]{0,200}>", "sub"),
    "word": (r"\w+", "sub"),
}


def test_every_pattern_of_the_packages_is_linear() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "support.linear_pattern", *PACKAGES],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / path) for path in PATHS)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_SEC, CPU_SEC)),
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout.splitlines()
    slow = [f"{place}{what}" for place, what in pairwise(printed) if "SLOW" in what]
    assert slow == []
    assert done.returncode == 0, f"{done.stdout[-500:]}\n{done.stderr[-2000:]}"
    assert "secretary_documents.templates.placeholder._PLACEHOLDER fullmatch" in printed
    assert any(
        line.startswith("secretary_documents.media.media_format._MARKS.") for line in printed
    )


def test_no_function_compiles_a_pattern_that_the_check_cannot_see() -> None:
    found = {str(path): list(calls_inside_functions(path.read_text())) for path in SOURCES}
    assert {path: calls for path, calls in found.items() if calls} == {}
    assert len(found) > 200


@pytest.mark.parametrize("name", QUADRATIC)
def test_the_check_catches_a_quadratic_pattern(name: str) -> None:
    source, flags, method = QUADRATIC[name]
    slow = slow_text(re.compile(source, flags), [method])
    assert slow is not None
    assert slow.seconds[1] > 8 * slow.seconds[0]


def test_the_check_catches_an_exponential_pattern_and_interrupts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear_pattern, "MOST_SEC", 0.2)
    slow = slow_text(re.compile(r"(a+)+!"), ["match"])
    assert slow is not None


@pytest.mark.parametrize("name", LINEAR)
def test_the_check_accepts_a_linear_pattern(name: str) -> None:
    source, method = LINEAR[name]
    assert slow_text(re.compile(source), [method]) is None


def test_the_check_catches_a_pattern_of_bytes() -> None:
    assert slow_text(re.compile(rb"x\s*y?\s*z"), ["match"]) is not None


def test_the_attacks_reach_each_repeat_behind_its_prefix() -> None:
    attacks = attacks_on(re.compile(r"<v(?:\.[^\s>]*)?\s+>"))
    assert Attack("<v", " ", "") in attacks
    assert Attack("", "<v.", "") in attacks


def test_the_scan_sees_calls_in_functions_only() -> None:
    source = "import re\nA = re.compile('a')\ndef f(x):\n    return re.match('a*', re.escape(x))\n"
    assert [line for line, _ in calls_inside_functions(source)] == [4]
