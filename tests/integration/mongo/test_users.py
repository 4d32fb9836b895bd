"""The users of docker-compose.yml, on a MongoDB that asks for passwords."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import ServerSelectionTimeoutError
from support.job_samples import NOW, TYPES, lease, make_job

from secretary_common.errors import SecretaryError
from secretary_common.mongo import indexes
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.store import Store
from secretary_devstack.child_process import ChildProcess
from secretary_devstack.servers.mongod import mongod_binary
from secretary_devstack.servers.port import HOST, free_port

SCRIPT = Path(__file__).resolve().parents[3] / "deploy/compose/mongo_users.py"
PASSWORDS = {name: f"{name}-password" for name in ("operator", "init", "api", "worker", "notifier")}
MODE_OF_KEY = 0o400


@pytest.fixture(scope="module")
def mongo_users() -> Any:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("mongo_users", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def port(mongo_users: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a MongoDB whose users the script has made, twice."""
    folder, port = tmp_path_factory.mktemp("mongo"), free_port()
    mongo_users.REPLICA_SET = {"_id": "rs0", "members": [{"_id": 0, "host": f"{HOST}:{port}"}]}
    child = _mongod(folder, port)
    mongo_users.prepare(PASSWORDS, HOST, port)
    mongo_users.prepare(PASSWORDS, HOST, port)
    yield port
    child.stop()


def _mongod(folder: Path, port: int) -> ChildProcess:
    key = folder / "key"
    key.write_text("0123456789abcdef")
    key.chmod(MODE_OF_KEY)
    (folder / "data").mkdir()
    where = ["--dbpath", str(folder / "data"), "--port", str(port), "--bind_ip", HOST]
    options = ["--replSet", "rs0", "--keyFile", str(key), "--wiredTigerCacheSizeGB", "0.25"]
    return ChildProcess(
        [mongod_binary(), *where, *options, "--nounixsocket"],
        log=folder / "mongod.log",
        env=dict(os.environ),
    )


@asynccontextmanager
async def store_of(user: str, port: int) -> AsyncIterator[Store]:
    """Yield the store as the service *user* sees it."""
    url = f"mongodb://{user}:{PASSWORDS[user]}@{HOST}:{port}/?replicaSet=rs0"
    client = DatabaseClient(url, "secretary", "pymongo")
    yield Store(client)
    await client.close()


def test_a_server_that_is_too_busy_for_a_moment_is_asked_again(
    mongo_users: Any, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_user, calls = mongo_users._put_user, iter(range(100))

    def put_when_it_answers(*arguments: Any) -> None:
        if next(calls) == 1:
            raise ServerSelectionTimeoutError("no answer")
        put_user(*arguments)

    monkeypatch.setattr(mongo_users, "_put_user", put_when_it_answers)
    mongo_users.prepare(PASSWORDS, HOST, port)
    assert next(calls) == 2 + len(mongo_users.ROLES)


async def test_a_worker_claims_jobs_of_a_key_with_max_running(port: int) -> None:
    async with store_of("init", port) as init:
        await indexes.ensure(init.client)
    async with store_of("api", port) as api:
        await api.jobs.insert(make_job("job-1"))
    async with store_of("worker", port) as worker:
        claimed = await worker.jobs.claim_within(
            ["job-1"], lease(), NOW, TYPES, owner="key-1", most=1
        )
    assert [job.job_id for job in claimed] == ["job-1"]


@pytest.mark.parametrize("user", ["worker", "notifier"])
async def test_only_the_api_changes_keys(port: int, user: str) -> None:
    async with store_of(user, port) as store:
        with pytest.raises(SecretaryError):
            await store.keys.delete("key-1")
