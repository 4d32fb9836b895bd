"""docs/api.md and docs/errors.md say what the code says; ``make reference`` writes them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from secretary_common.errors import ErrorCode

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """The script that writes the pages."""
    place = importlib.util.spec_from_file_location(
        "reference", ROOT / "deploy" / "local" / "reference.py"
    )
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


def test_every_error_code_has_a_meaning(reference: ModuleType) -> None:
    assert set(reference.MEANINGS) == set(ErrorCode), "change MEANINGS in deploy/local/reference.py"


@pytest.mark.parametrize("name", ["api.md", "errors.md"])
def test_a_page_is_what_make_reference_writes(reference: ModuleType, name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == reference.pages()[name], "run: make reference"


def test_the_page_of_the_api_names_every_path(reference: ModuleType) -> None:
    page = reference.pages()["api.md"]
    for path, operations in reference.openapi()["paths"].items():
        for method in operations:
            assert f"### `{method.upper()} {path}`" in page
