"""The procedures of docs/credentials.md and docs/backup.md: TLS, rights, rotation, restore."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.secured_servers import (
    SERVICES,
    SecuredServers,
    await_primary,
    copy_of,
    password_of,
    secured_servers,
)

from secretary_devstack.deadline import wait_until
from secretary_devstack.error import ChildFailed
from secretary_devstack.processes.service import run_to_end
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.receiver import Receiver

pytestmark = pytest.mark.drill

DEADLINE_SEC = 120.0
NEW = "-2"
DATABASE = "secretary"  # the one to which the roles belong
QUIET = ("queue.refused", "broker.refused", "loop.failed", "schema.unread", "index.refused")
HANDLERS = Path(__file__).parent


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[SecuredServers]:
    with secured_servers(tmp_path) as started:
        yield started


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def stack(
    servers: SecuredServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    monkeypatch.setenv("PYTHONPATH", str(HANDLERS))
    init = servers.settings_of("init")
    made = Stack(
        tmp_path / "stack",
        mongo_url=str(init["mongo.url"]),
        amqp_url=str(init["broker.url"]),
        database=DATABASE,
        apis=2,
        settings={"worker.handler_modules": ["e2e_handlers"], "log.format": "json"},
        own_settings=lambda name: servers.settings_of(name.split("-")[1]),
    )
    with made as started:
        yield started


class Load:
    """A client that submits jobs all the time, and repeats what got no answer."""

    def __init__(self, stack: Stack, receiver: Receiver) -> None:
        self.accepted: list[str] = []
        self._urls = [f"http://127.0.0.1:{api.port}" for api in stack.apis]
        self._http = httpx.Client(headers={"Authorization": f"Bearer {stack.keys.bootstrap}"})
        self._body = {
            "job_type": "chatty",
            "parameters": {"lines": 1, "webhook": {"url": receiver.url()}},
        }
        self._stopping = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Submit jobs inside the block."""
        thread = threading.Thread(target=self._submit_all)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(self) -> None:
        """Submit one job, until an API takes it."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        ends = time.monotonic() + DEADLINE_SEC
        while time.monotonic() < ends:
            for url in self._urls:
                try:
                    answer = self._http.post(f"{url}/api/jobs/", json=self._body, headers=headers)
                except httpx.TransportError:
                    continue
                if answer.status_code == httpx.codes.ACCEPTED:
                    self.accepted.append(answer.json()["data"]["job_id"])
                    return
            time.sleep(0.2)
        raise AssertionError("no API took the job")

    def status(self, job_id: str) -> str | None:
        """Return the state of a job; None if it does not exist."""
        answer = self._http.get(f"{self._urls[0]}/api/jobs/{job_id}")
        return answer.json()["data"]["status"] if answer.status_code == httpx.codes.OK else None

    def await_all(self, receiver: Receiver) -> None:
        """Return when each accepted job is completed and its webhook has arrived."""

        def done() -> bool:
            arrived = {
                one.json["process"]["id"]
                for one in receiver.requests
                if one.json["phase"] == "completed"
            }
            return set(self.accepted) <= arrived

        wait_until(done, timeout_sec=DEADLINE_SEC, what="all webhooks")
        assert {self.status(job_id) for job_id in self.accepted} == {"completed"}

    def _submit_all(self) -> None:
        while not self._stopping.is_set():
            self.submit()
            time.sleep(0.05)


@pytest.fixture
def load(stack: Stack, receiver: Receiver) -> Iterator[Load]:
    made = Load(stack, receiver)
    yield made
    made.close()


def lines_of(stack: Stack) -> list[str]:
    return [line for one in stack.services for line in one.log.read_text().splitlines()]


def complaints(stack: Stack) -> list[str]:
    return [line for line in lines_of(stack) if any(f'"{event}"' in line for event in QUIET)]


def is_connected(stack: Stack) -> bool:
    """Return whether each service is connected to the broker."""
    headers = {"Authorization": f"Bearer {stack.keys.bootstrap}"}
    texts = [
        httpx.get(f"http://127.0.0.1:{one.port}/metrics", headers=headers).text
        for one in stack.services
    ]
    return all("secretary_broker_connected{" in text for text in texts) and not any(
        line.startswith("secretary_broker_connected{") and line.endswith(" 0.0")
        for text in texts
        for line in text.splitlines()
    )


def test_services_with_the_least_rights_work_over_tls(
    stack: Stack, load: Load, receiver: Receiver
) -> None:
    wait_until(lambda: is_connected(stack), timeout_sec=DEADLINE_SEC, what="the broker")
    for _ in range(20):
        load.submit()
    load.await_all(receiver)
    assert complaints(stack) == []


def test_a_service_does_not_trust_a_server_of_another_authority(
    servers: SecuredServers, tmp_path: Path
) -> None:
    """MongoDB's certificate is checked: without the private authority nothing is sent to it."""
    stranger = servers.mongo_url("init", password_of("init")).partition("&tlsCAFile")[0]
    stack = Stack(tmp_path / "stranger", mongo_url=stranger, database=DATABASE)
    with pytest.raises(ChildFailed, match="certificate verify failed"):
        run_to_end("secretary-init", stack.settings, tmp_path, timeout_sec=15)


def test_the_credentials_of_both_servers_are_rotated_while_jobs_run(
    servers: SecuredServers, stack: Stack, load: Load, receiver: Receiver
) -> None:
    with load.running():
        with servers.administrator() as client:
            for service in SERVICES:
                user = service + NEW
                roles = [f"{DATABASE}-{service}"]
                client.admin.command("createUser", user, pwd=password_of(user), roles=roles)
                servers.add_broker_user(service, NEW)
        for one in stack.services:
            wanted = servers.settings_of(one.name.split("-")[1], NEW)
            one.stop()
            one.start(**{name.replace(".", "__"): value for name, value in wanted.items()})
        with servers.administrator() as client:
            for service in SERVICES:
                client.admin.command("dropUser", service)
                servers.broker.control("delete_user", service)
        before = len(load.accepted)
        wait_until(
            lambda: len(load.accepted) > before + 20, timeout_sec=DEADLINE_SEC, what="more jobs"
        )
    load.await_all(receiver)
    assert complaints(stack) == []


def test_a_snapshot_of_a_locked_member_restores_every_job_of_its_time(
    servers: SecuredServers, stack: Stack, load: Load, receiver: Receiver, tmp_path: Path
) -> None:
    snapshot = tmp_path / "snapshot"
    with load.running():
        wait_until(lambda: len(load.accepted) > 20, timeout_sec=DEADLINE_SEC, what="jobs")
        before = list(load.accepted)
        with servers.administrator() as client:
            client.admin.command("fsync", lock=True)
            copy_of(servers.data, snapshot)
            client.admin.command("fsyncUnlock")
        taken = len(load.accepted)
        wait_until(
            lambda: len(load.accepted) > taken + 20, timeout_sec=DEADLINE_SEC, what="more jobs"
        )
    load.await_all(receiver)
    for one in stack.services:
        one.stop()
    servers.stop_mongod()
    shutil.rmtree(servers.data)
    copy_of(snapshot, servers.data)
    servers.start_mongod()
    await_primary(servers)
    stack.initialise()
    for one in stack.services:
        one.start()
    last = load.accepted[-1]
    wait_until(
        lambda: {load.status(job_id) for job_id in before} == {"completed"},
        timeout_sec=DEADLINE_SEC,
        what="the jobs of before the snapshot",
    )
    assert load.status(last) is None  # it was accepted after the snapshot
    load.accepted = before
    load.submit()
    load.await_all(receiver)


def test_a_right_that_is_missing_is_named(servers: SecuredServers, stack: Stack) -> None:
    """A worker without its broker permissions works by polling, and says which one it lacks."""
    worker: Any = stack.workers[0]
    servers.broker.control("set_permissions", "worker", "^$", "^$", "^$")
    servers.broker.control("close_all_connections", "the rights have changed")
    wait_until(
        lambda: "ACCESS_REFUSED" in worker.log.read_text(),
        timeout_sec=DEADLINE_SEC,
        what="a line about the refusal",
    )
