"""The commands of ``make`` that the documentation names exist, and none changes another one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()
DEFAULT = re.compile(r"^([A-Z_]+) *[?:]?=", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
COMMAND = re.compile(r"(?:`|^)make ([a-z-]+)((?: [A-Z_]+=(?:\"[^\"]*\"|[^\s`]*))*)", re.MULTILINE)


def test_each_variable_has_one_default() -> None:
    names = DEFAULT.findall(MAKEFILE)
    assert len(names) > 20
    assert len(names) == len(set(names)), "make takes the first default for all targets"


def test_the_commands_of_the_documentation_have_a_target_and_variables_that_exist() -> None:
    pages = {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "bench/README.md"}
    pages -= {ROOT / "CHANGELOG.md"}  # it names earlier commands too
    commands = {found for page in pages for found in COMMAND.findall(page.read_text())}
    given = {name for _, rest in commands for name in re.findall(r"([A-Z_]+)=", rest)}
    assert {target for target, _ in commands} - set(TARGET.findall(MAKEFILE)) == set()
    assert given - set(DEFAULT.findall(MAKEFILE)) == set()
    assert len(commands) > 20
