"""A receiver and a harness for each test, without a configuration file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.notifier_harness import NotifierHarness, Receiver, running_harness, running_receiver


@pytest.fixture(autouse=True)
def _no_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def database_name(emptied_database_name: str) -> str:
    """The name of an empty database for this test alone."""
    return emptied_database_name


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as receiver:
        yield receiver


@pytest.fixture
async def harness(mongo_url: str, database_name: str) -> AsyncIterator[NotifierHarness]:
    async with running_harness(mongo_url, database_name) as harness:
        yield harness
