"""The public API for handler packages is one list: in the code and in the documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import secretary_worker

GUIDE = Path(__file__).parents[3] / "docs" / "handlers.md"


def test_the_guide_lists_exactly_the_public_names() -> None:
    table = GUIDE.read_text().partition("| `from secretary_worker import …` | |\n|---|---|\n")[2]
    rows = table.partition("\n\n")[0].splitlines()
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row.split(" | ")[0])]
    assert sorted(names) == sorted(secretary_worker.__all__)


@pytest.mark.parametrize("name", secretary_worker.__all__)
def test_each_public_name_can_be_imported(name: str) -> None:
    assert getattr(secretary_worker, name) is not None


def test_a_name_that_is_not_public_is_refused() -> None:
    with pytest.raises(AttributeError, match="SecretaryWorker"):
        _ = secretary_worker.SecretaryWorker


def test_a_childs_module_does_not_import_the_engine() -> None:
    code = "import sys; from secretary_worker import Emit, Work; print('pymongo' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
