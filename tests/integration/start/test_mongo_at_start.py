"""Outages of MongoDB at the start: services wait, and init goes on after them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import pytest
from pymongo import MongoClient

from secretary_common import bootstrap
from secretary_common.errors import StoreUnavailable
from secretary_common.mongo import replica_set
from secretary_common.mongo.announcements import MongoJobTypeRepository, MongoTemplateRepository
from secretary_common.mongo.replica_set import LoginRefused, facts_of, initiate
from secretary_common.mongo.store import open_store
from secretary_common.settings.service import MongoSection
from secretary_common.settings.settings import Settings
from secretary_devstack.servers.port import free_port


def test_a_replica_set_is_found_though_its_first_server_is_down(mongo_url: str) -> None:
    host = mongo_url.removeprefix("mongodb://").partition("/")[0]
    several = f"mongodb://127.0.0.1:{free_port()},{host}/?serverSelectionTimeoutMS=1&replicaSet=rs0"
    assert not initiate(several)


def test_the_user_is_looked_for_in_the_database_of_the_url(
    mongo_url: str, database_name: str
) -> None:
    with MongoClient[dict[str, Any]](mongo_url) as client:
        client[database_name].command("createUser", "ada", pwd="secret", roles=["read"])
    server = mongo_url.removeprefix("mongodb://").partition("/")[0]
    assert facts_of(f"mongodb://ada:secret@{server}/{database_name}").replica_set
    with pytest.raises(LoginRefused):
        facts_of(f"mongodb://ada:wrong@{server}/{database_name}")


def test_a_server_may_have_an_address_of_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_set, "SELECTION_TIMEOUT_MS", 50)
    with pytest.raises(StoreUnavailable):
        initiate(f"mongodb://[::1]:{free_port()}/?replicaSet=rs0")


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_a_wrong_password_is_waited_for_and_logged_once(
    mongo_url: str, driver: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "secretary_common")
    url = mongo_url.replace("mongodb://", "mongodb://nobody:hunter2@")
    store = open_store(MongoSection.model_validate({"url": url, "driver": driver}))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(4):
            await store.wait_until_ready()
    (line,) = caplog.records
    assert line.getMessage() == "store.awaited"
    assert "Authentication failed" in vars(line)["fields"]["reason"]
    assert "hunter2" not in str(vars(line)["fields"])
    await store.close()


@pytest.mark.parametrize("repository", [MongoJobTypeRepository, MongoTemplateRepository])
async def test_init_repeats_an_announcement_that_an_outage_interrupts(
    mongo_url: str,
    database_name: str,
    monkeypatch: pytest.MonkeyPatch,
    repository: type[MongoJobTypeRepository | MongoTemplateRepository],
) -> None:
    announce, calls = repository.announce, 0

    async def interrupted_once(self: Any, announced: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreUnavailable
        await announce(self, announced)

    monkeypatch.setattr(repository, "announce", interrupted_once)
    monkeypatch.setattr(bootstrap, "STORE_RETRY_SEC", 0)
    mongo = {"url": mongo_url, "database": database_name}
    await bootstrap.prepare(Settings.model_validate({"mongo": mongo}))
    assert calls == 2
