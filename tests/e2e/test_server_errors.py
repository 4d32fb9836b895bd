"""A server that refuses every command: no process ends, no attempt is spent, clients get 503."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.mongod import ReplicaSet

pytestmark = pytest.mark.drill


CODES = {
    8: "UnknownError",
    13: "Unauthorized",
    18: "AuthenticationFailed",
    26: "NamespaceNotFound",
    43: "CursorNotFound",
    96: "OperationFailed",
    175: "QueryPlanKilled",
    246: "SnapshotUnavailable",
    8000: "AtlasError",
    14031: "OutOfDiskSpace",
}
COMMANDS = ["find", "insert", "update", "findAndModify", "delete", "aggregate", "distinct", "hello"]
SETTINGS = {
    "generic_worker.poll_interval_sec": 1,
    "worker.heartbeat_sec": 1,
    "worker.handler_modules": ["e2e_handlers"],
    "notifier.poll_interval_sec": 1,
    "retention.sweep_interval_sec": 1,
}
REFUSED_SEC = 3.0


@contextlib.contextmanager
def refusing(mongo: MongoClient[dict[str, Any]], code: int) -> Iterator[None]:
    """Let the server refuse the commands of the services with *code*."""
    fault = {"failCommands": COMMANDS, "errorCode": code, "appName": "secretary"}
    mongo.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=fault)
    try:
        yield
    finally:
        mongo.admin.command("configureFailPoint", "failCommand", mode="off")


def test_no_error_of_the_server_ends_a_service_or_spends_an_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with (
        ReplicaSet(tmp_path / "mongo", parameters={"enableTestCommands": "1"}) as mongo,
        MongoClient[dict[str, Any]](mongo.url) as server,
        Stack(tmp_path / "stack", mongo_url=mongo.url, workers=2, settings=SETTINGS) as stack,
        stack.client() as client,
    ):
        services = [*stack.apis, *stack.workers, *stack.notifiers]
        pids = [service.child.pid for service in services]
        jobs = [client.submit("nap", {"seconds": 20}, max_attempts=1) for _ in range(3)]
        for job_id in jobs:
            client.wait(job_id, timeout_sec=30, until=lambda job: job["status"] == "processing")
        body = {"job_type": "nap", "parameters": {"seconds": 0.1}}
        for code, name in CODES.items():
            with refusing(server, code):
                time.sleep(REFUSED_SEC)
                answer = client.http.post("/api/jobs/", json=body)
            assert answer.status_code == 503, name
            assert answer.json()["error"]["code"] == "STORE_UNAVAILABLE", name
            assert int(answer.headers["Retry-After"]) > 0, name
            assert all(service.running for service in services), name
            client.wait(client.submit("nap", {"seconds": 0.1}), timeout_sec=30)
        assert [service.child.pid for service in services] == pids
        ends = [client.wait(job_id, timeout_sec=60) for job_id in jobs]
        assert [(job["status"], job["attempt"]) for job in ends] == [("completed", 1)] * 3
