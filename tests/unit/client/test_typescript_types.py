"""The types of the TypeScript client describe this API."""

import runpy
from pathlib import Path

TOOL = runpy.run_path(str(Path(__file__).parents[3] / "deploy/local/typescript.py"))


def test_the_types_are_written_from_the_api_as_it_is() -> None:
    with TOOL["TYPES"].open(encoding="utf-8") as file:
        found = next(file)
    assert found == TOOL["first_line"](TOOL["description"]()), "make reference"
