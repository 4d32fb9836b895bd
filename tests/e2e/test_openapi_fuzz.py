"""The API keeps to its OpenAPI document, whatever clients send; ``make fuzz`` tests longer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz.scenario import SETTINGS, fuzz

from secretary_devstack.processes.stack import Stack

SECONDS = 12


@pytest.fixture(scope="module")
def stack(start_shared_stack: Callable[..., Stack]) -> Stack:
    return start_shared_stack(SETTINGS)


@pytest.mark.parametrize("caller", ["admin", "no key"])
def test_each_answer_fits_the_openapi_document(stack: Stack, tmp_path: Path, caller: str) -> None:
    key = stack.keys.bootstrap if caller == "admin" else None
    options = ["--max-examples", "3", "--no-shrink"]
    report = fuzz(stack.url, key, seconds=SECONDS, folder=tmp_path, options=options)
    assert not report, report
