"""A receiver and a scene for each test; no configuration file is in sight."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.notifier_harness import Receiver, Scene, running_receiver, running_scene


@pytest.fixture(autouse=True)
def _no_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as receiver:
        yield receiver


@pytest.fixture
async def scene(mongo_url: str, database_name: str) -> AsyncIterator[Scene]:
    async with running_scene(mongo_url, database_name) as scene:
        yield scene
