"""``secretary-doctor`` names each fault, in one line with its remedy, and no other."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from secretary_common.broker import topology
from secretary_common.doctor.examination import examine, has_fault
from secretary_common.doctor.finding import Finding
from secretary_common.doctor.server_checks import (
    check_broker,
    check_disk,
    check_mongodb,
    room_here,
)
from secretary_common.doctor.system_checks import (
    check_encryption,
    check_pepper,
    check_receivers,
    check_workers,
)
from secretary_common.http.url_guard import UrlGuard
from secretary_common.models import ApiKey, Endpoint, Job, JobTypeInfo, WorkerReport
from secretary_common.mongo.store import Store, store_of
from secretary_common.secrets.cipher import Cipher
from secretary_common.secrets.pepper import pepper_mark
from secretary_common.settings.documents import PdfSection
from secretary_common.settings.service import (
    ApiSection,
    BrokerSection,
    MongoSection,
    SecuritySection,
)
from secretary_common.settings.settings import Settings
from secretary_devstack.servers.mongod import Mongod
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.servers.rabbitmq.node import RabbitMQ
from secretary_documents import checks
from secretary_documents.formats.format import FORMATS
from secretary_documents.pdf import ocr_models

PEPPER = "the-pepper-of-this-system-now"
USER, PASSWORD = "clerk", "hunter2"
SECRETS = Path(__file__).parents[3] / "deploy/compose/make_secrets.py"
BROKER_PERMISSIONS = runpy.run_path(str(SECRETS))["BROKER_PERMISSIONS"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker with a user whose permissions these tests change."""
    with RabbitMQ(tmp_path_factory.mktemp("doctors-rabbitmq")) as started:
        started.control("add_user", USER, PASSWORD)
        started.control("set_permissions", USER, ".*", ".*", ".*")
        yield started


@pytest.fixture
async def store(mongo_url: str, database_name: str) -> AsyncIterator[Store]:
    async with store_of(MongoSection(url=mongo_url, database=database_name)) as store:
        yield store


def faults(found: list[Finding]) -> list[str]:
    """Return the names of the faults; each has a remedy and is one line."""
    named = [one for one in found if one.level == "fault"]
    assert all(one.remedy and "\n" not in one.line() for one in named)
    return [one.check for one in named]


def broker_section(url: str) -> BrokerSection:
    return BrokerSection(url=SecretStr(url))


def new_key() -> SecretStr:
    return SecretStr(Fernet.generate_key().decode())


async def test_a_mongodb_that_does_not_answer_is_named() -> None:
    found = await check_mongodb(f"mongodb://{HOST}:{free_port()}/?replicaSet=rs0")
    assert faults(found) == ["mongo.unreachable"]
    assert "Topology" not in found[0].message
    assert len(found[0].message) < 100


async def test_another_name_of_the_replica_set_is_named(mongo_url: str) -> None:
    (found,) = await check_mongodb(mongo_url.replace("replicaSet=rs0", "replicaSet=rsX"))
    assert (found.check, "rsX" in found.message) == ("mongo.other_replica_set", True)


async def test_a_mongodb_without_a_replica_set_is_named(tmp_path: Path) -> None:
    node = Mongod(tmp_path, replica_set="rs0", cache_gb=0.25)
    node.start()
    try:
        url = f"mongodb://{node.address}/?replicaSet=rs0"
        while (found := faults(await check_mongodb(url))) == ["mongo.unreachable"]:
            pass  # the server starts
        assert found == ["mongo.not_a_replica_set"]
    finally:
        node.stop()


async def test_an_old_mongodb_is_named(mongo_url: str) -> None:
    (found,) = await check_mongodb(mongo_url, oldest=(99, 0))
    assert (found.check, "99.0" in found.message) == ("mongo.old", True)
    assert faults(await check_mongodb(mongo_url)) == []


@pytest.mark.parametrize("seconds", [-60, 60])
async def test_clocks_that_differ_are_named(mongo_url: str, seconds: float) -> None:
    def wrong() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=seconds)

    (found,) = await check_mongodb(mongo_url, now=wrong)
    assert (found.check, f"{seconds:+}" in found.message) == ("clock.skew", True)


async def test_a_broker_that_does_not_answer_is_named() -> None:
    section = broker_section(f"amqp://guest:guest@{HOST}:{free_port()}/")
    assert faults(await check_broker(section, [])) == ["broker.unreachable"]


async def test_a_wrong_password_of_the_broker_is_named(broker: RabbitMQ) -> None:
    section = broker_section(broker.url.replace("guest:guest", f"{USER}:wrong"))
    assert faults(await check_broker(section, [])) == ["broker.refused"]


async def test_a_wrong_virtual_host_of_the_broker_is_named(broker: RabbitMQ) -> None:
    (found,) = await check_broker(broker_section(f"{broker.url.rstrip('/')}/nowhere"), [])
    assert (found.check, "virtual host" in found.message) == ("broker.refused", True)


@pytest.mark.parametrize("rights", [("^$", "^$", "^$"), (".*", "^$", ".*"), (".*", ".*", "^$")])
async def test_a_user_without_permissions_at_the_broker_is_named(
    broker: RabbitMQ, rights: tuple[str, str, str]
) -> None:
    broker.control("set_permissions", USER, *rights)
    section = broker_section(broker.url.replace("guest:guest", f"{USER}:{PASSWORD}"))
    assert faults(await check_broker(section, ["a"])) == ["broker.no_permission"]


@pytest.mark.parametrize("user", ["api", "worker", "notifier"])
async def test_the_users_of_the_compose_file_have_the_rights_that_they_need(
    broker: RabbitMQ, user: str
) -> None:
    broker.control("set_permissions", USER, *BROKER_PERMISSIONS[user])
    section = broker_section(broker.url.replace("guest:guest", f"{USER}:{PASSWORD}"))
    assert faults(await check_broker(section, ["a"])) == []


async def test_a_queue_with_other_arguments_is_named(broker: RabbitMQ) -> None:
    job_type = f"test-{uuid.uuid4().hex}"
    queue = topology.job_queue(job_type)
    async with await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)
        found = await check_broker(broker_section(broker.url), [job_type])
        assert faults(found) == ["broker.other_arguments"]
        assert queue in found[0].message
        await channel.queue_delete(queue)
    assert faults(await check_broker(broker_section(broker.url), [job_type])) == []


async def test_secrets_under_another_encryption_key_are_named(store: Store) -> None:
    first, second = new_key(), new_key()
    now = store.clock.now()
    sealed = Cipher([first]).seal("a secret")
    endpoint = Endpoint(
        endpoint_id="e", owner="o", url="https://a.example/", secret=sealed,
        created_at=now, updated_at=now,
    )  # fmt: skip
    await store.endpoints.insert(endpoint)
    assert faults(await check_encryption(store, Cipher([first]))) == []
    assert faults(await check_encryption(store, Cipher([second, first]))) == []
    assert faults(await check_encryption(store, Cipher([second]))) == [
        "secrets.wrong_encryption_key"
    ]


async def test_api_keys_under_another_pepper_are_named(store: Store) -> None:
    for key_id, mark in (("a", pepper_mark(PEPPER)), ("b", None)):
        await store.keys.insert(ApiKey(key_id, "digest", key_id, pepper_mark=mark))
    assert faults(await check_pepper(store, PEPPER)) == []
    (found,) = await check_pepper(store, "another pepper of this system")
    assert (found.check, "1 of 2" in found.message) == ("keys.pepper_changed", True)


async def test_a_type_with_waiting_jobs_and_no_worker_is_named(store: Store) -> None:
    now = store.clock.now()
    await store.job_types.announce([JobTypeInfo("custom"), JobTypeInfo("pdf")])
    times = {"run_at": now, "created_at": now, "updated_at": now}
    await store.jobs.insert(Job(job_id="job-1", job_type="custom", owner="o", **times))
    report = WorkerReport(
        worker_id="w", host="h", pid=1, started_at=now, seen_at=now,
        alive_until=now + timedelta(minutes=1), job_types=["pdf"], slots=1, running=[],
        active=True, listening=True,
    )  # fmt: skip
    await store.workers.report(report)
    (found,) = await check_workers(store)
    assert (found.check, "custom" in found.message) == ("workers.none_for_type", True)
    await store.job_types.set_paused("custom", paused=True)
    assert faults(await check_workers(store)) == []
    await store.job_types.set_paused("custom", paused=False)
    lacking = {"job_types": ["custom", "pdf"], "unfit": {"room": "the disk is full"}}
    await store.workers.report(report.model_copy(update=lacking))
    assert faults(await check_workers(store)) == ["worker.room"]


async def test_a_receiver_that_the_address_guard_refuses_is_named(store: Store) -> None:
    now = store.clock.now()
    times = {"created_at": now, "updated_at": now}
    url = f"http://{HOST}:8080/hook"
    await store.endpoints.insert(Endpoint(endpoint_id="e", owner="o", url=url, **times))
    (found,) = await check_receivers(store, UrlGuard())
    assert (found.check, f"http://{HOST}:8080" in found.message) == ("receiver.blocked", True)
    allowed = SecuritySection(allow_networks=["127.0.0.0/8"]).url_guard()
    assert faults(await check_receivers(store, allowed)) == []


def test_a_full_disk_is_named() -> None:
    free, size = room_here()
    assert faults(check_disk((free, size), "the disk", "free it", least_bytes=free + 1)) == [
        "disk.full"
    ]
    assert faults(check_disk((50e9, 100e9), "the disk", "free it")) == []
    assert faults(check_disk((4e9, 100e9), "the disk", "free it")) == ["disk.full"]


def test_missing_language_data_and_extras_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(pdf=PdfSection(tessdata=tmp_path))
    assert faults(checks.findings(settings)) == ["documents.no_language_data"]
    monkeypatch.setattr(ocr_models, "built_in_folder", lambda: tmp_path)
    assert faults(checks.findings(Settings())) == ["documents.no_language_data"]
    monkeypatch.undo()
    assert faults(checks.findings(Settings())) == []
    monkeypatch.setattr(checks, "missing_formats", lambda: [FORMATS["msg"]])
    hints = {one.check: one for one in checks.findings(Settings()) if one.level == "hint"}
    assert "secretary-documents[mail]" in (hints["documents.formats_missing"].remedy or "")


async def test_the_whole_examination_goes_on_past_a_fault(
    mongo_url: str, database_name: str
) -> None:
    settings = Settings(
        mongo=MongoSection(url=mongo_url, database=database_name),
        broker=broker_section(f"amqp://guest:guest@{HOST}:{free_port()}/"),
        api=ApiSection(pepper=SecretStr(PEPPER)),
        security=SecuritySection(encryption_keys=[new_key()]),
    )
    found = await examine(settings)
    named = faults(found)
    assert {"workers.none", "notifiers.none", "broker.unreachable"} <= set(named)
    assert has_fault(found)
    assert {one.check for one in found} >= {"mongo", "secrets", "keys", "disk", "documents"}


def test_the_command_exits_with_1_and_writes_json(tmp_path: Path) -> None:
    environment = {
        "SECRETARY_CONFIG": str(tmp_path / "none.yaml"),
        "SECRETARY_MONGO__URL": f"mongodb://{HOST}:{free_port()}/?replicaSet=rs0",
        "PATH": "/usr/bin:/bin",
    }
    (tmp_path / "none.yaml").write_text("{}")
    command = [sys.executable, "-m", "secretary_common.doctor.main", "--json"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stderr
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    assert found[0]["check"] == "mongo.unreachable"
    assert "Traceback" not in ran.stderr
