"""Fixtures that run a whole system of real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.receiver import Receiver

StackFactory = Callable[..., Stack]


@pytest.fixture
def start_stack(
    mongo_url: str, database_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StackFactory]:
    """Return a function that starts a system; jobs may name files under ``tmp_path``."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with ExitStack() as running:

        def start(settings: dict[str, Any] | None = None, **options: Any) -> Stack:
            stack = Stack(
                tmp_path / "stack",
                mongo_url=mongo_url,
                database=database_name,
                roots=[tmp_path],
                settings={"worker.handler_modules": ["e2e_handlers"], **(settings or {})},
                **options,
            )
            return running.enter_context(stack)

        yield start


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver."""
    with Receiver() as running:
        yield running
