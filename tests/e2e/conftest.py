"""Fixtures that run a whole system of real processes."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from secretary_common.bootstrap import prepare
from secretary_common.settings.settings import load_settings
from secretary_devstack.processes.service import environment
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.receiver import Receiver

StackFactory = Callable[..., Stack]


class _PreparedStack(Stack):
    """A system whose databases the process of the tests prepares: ``secretary-init`` takes 1 s."""

    def initialise(self, scripts: Path | None = None) -> None:
        """Do what ``secretary-init`` does; other scripts run, because their version may differ."""
        if scripts or self._scripts:
            super().initialise(scripts)
            return
        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as executor:
            patch.chdir(self.folder)  # its folder has no config.yaml
            for name, value in environment(self.settings).items():
                patch.setenv(name, value)
            # In a thread of its own, because a loop may run in this one.
            executor.submit(asyncio.run, prepare(load_settings())).result()


@contextlib.contextmanager
def _starter(folder: Path, mongo_url: str, database: str) -> Iterator[StackFactory]:
    """Yield a function that starts a system; each system is stopped at the end."""
    with contextlib.ExitStack() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))

        def start(settings: dict[str, Any] | None = None, **options: Any) -> Stack:
            stack = _PreparedStack(
                folder / "stack",
                mongo_url=mongo_url,
                database=database,
                roots=[folder],
                settings={"worker.handler_modules": ["e2e_handlers"], **(settings or {})},
                **options,
            )
            return running.enter_context(stack)

        yield start


@pytest.fixture
def start_stack(mongo_url: str, database_name: str, tmp_path: Path) -> Iterator[StackFactory]:
    """Return a function that starts a system; jobs may name files under ``tmp_path``."""
    with _starter(tmp_path, mongo_url, database_name) as start:
        yield start


@pytest.fixture(scope="module")
def start_shared_stack(
    mongo_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StackFactory]:
    """Return a function that starts a system for all tests of a module."""
    with contextlib.ExitStack() as running:

        def start(settings: dict[str, Any] | None = None, **options: Any) -> Stack:
            folder = tmp_path_factory.mktemp("shared")
            database = f"test_{uuid.uuid4().hex}"
            starter = running.enter_context(_starter(folder, mongo_url, database))
            return starter(settings, **options)

        yield start


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver."""
    with Receiver() as running:
        yield running
