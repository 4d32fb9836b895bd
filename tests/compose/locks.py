"""Checks what each container may do: its limits, its privileges, its secrets and its users."""

from __future__ import annotations

import json
from typing import Any

from compose.project import CommandFailed, JsonObject, Project
from support.scenario_report import expect, say

RUNNING = ("api", "mongo", "notifier", "rabbitmq", "worker")
ENDED = ("init", "secrets")
# Only this container is root: it makes files of other users, and has no network.
ADDED = {"secrets": ["CHOWN", "DAC_OVERRIDE"]}
NO_NEW_PRIVILEGES = "no-new-privileges:true"
MINE, NOT_MINE = 0, 13  # MongoDB: Unauthorized

ASK_MONGO = """
import json, sys
from pathlib import Path
from pymongo import MongoClient
from pymongo.errors import OperationFailure
database = MongoClient(Path("/run/secrets/mongo__url").read_text())["secretary"]
codes = []
for collection, call in json.loads(sys.argv[1]):
    try:
        getattr(database[collection], call)({"_id": "of the test"})
        codes.append(0)
    except OperationFailure as error:
        codes.append(error.code)
print(json.dumps(codes))
"""
MONGO_TRIALS = {
    "api": [("api_keys", "find_one", MINE), ("cache", "find_one", NOT_MINE)],
    "worker": [("cache", "find_one", MINE), ("api_keys", "insert_one", NOT_MINE)],
    "notifier": [("deliveries", "find_one", MINE), ("api_keys", "find_one", NOT_MINE)],
}
ASK_SANDBOX = """
import json
from secretary_worker.sandbox import landlock, lockdown, namespaces, seccomp
print(json.dumps({
    "lacks": lockdown.lacks(),
    "seccomp": seccomp.available(),
    "Landlock": landlock.abi(),
    "namespaces": namespaces.leave_network(),
}))
"""

TRY_STRICT = """
from secretary_common.settings.settings import load_settings
from secretary_worker.main import check_sandbox
from secretary_worker.sandbox import lockdown
check_sandbox(load_settings(), lockdown.lacks())
"""


def check_locks(project: Project) -> None:
    """Check by ``docker inspect`` the limits, privileges and environments of all containers."""
    containers = project.all_containers()
    expect(set(containers.values()) == {*RUNNING, *ENDED, "receiver"}, f"{containers}")
    found = {}
    for container, service in containers.items():
        if service == "receiver":  # it belongs to the test
            continue
        described = project.inspect(container)
        _check_privileges(service, described)
        found[service] = _limits(service, described)
        _check_secrets(project, service, described)
    for service, limits in sorted(found.items()):
        say(f"  {service}: {limits}")
    for service in RUNNING:
        _check_process(project, service)
    say(f"docker inspect: limits, no capability, read-only roots, no secret: {len(found)} services")


def _check_privileges(service: str, described: JsonObject) -> None:
    host, user = described["HostConfig"], described["Config"]["User"]
    expect(host["ReadonlyRootfs"], f"{service} can write to its root")
    expect(host["CapDrop"] == ["ALL"], f"{service} keeps capabilities: drops {host['CapDrop']}")
    added = [name.removeprefix("CAP_") for name in host["CapAdd"] or []]
    expect(added == ADDED.get(service, []), f"{service} adds {added}")
    expect(not host["Privileged"], f"{service} is privileged")
    expect(NO_NEW_PRIVILEGES in host["SecurityOpt"], f"{service}: {host['SecurityOpt']}")
    is_root = user.partition(":")[0] in ("", "0", "root")
    expect(is_root == (service in ADDED), f"{service} runs as {user!r}")
    if service in ADDED:
        expect(host["NetworkMode"] == "none", f"{service} is root and has a network")
    sockets = [bind for bind in host["Binds"] or [] if "docker.sock" in bind]
    expect(not sockets, f"{service} has {sockets}")


def _limits(service: str, described: JsonObject) -> str:
    host = described["HostConfig"]
    memory, processes = host["Memory"], host["PidsLimit"]
    cpus = host["CpuQuota"] / (host["CpuPeriod"] or 1)
    expect(memory > 0, f"{service} has no limit of memory")
    expect((processes or 0) > 0, f"{service} has no limit of processes")
    expect(cpus > 0, f"{service} has no limit of CPU time")
    return f"{memory // 2**20} MiB, {processes} processes, {cpus:g} CPUs"


def _check_secrets(project: Project, service: str, described: JsonObject) -> None:
    """Check that docker's whole description of the container contains no secret."""
    text = json.dumps(described)
    for name, value in project.secrets.items():
        values = json.loads(value) if value.startswith("[") else [value]
        expect(not any(one in text for one in values), f"docker inspect of {service} shows {name}")


def _check_process(project: Project, service: str) -> None:
    """Check that the kernel agrees with ``docker inspect``."""
    for container in project.containers(service):
        status = project.docker("exec", container, "cat", "/proc/1/status")
        fields = dict(line.split(":", 1) for line in status.splitlines())
        capabilities, no_new, seccomp, user = (
            fields[name].split()[0] for name in ("CapEff", "NoNewPrivs", "Seccomp", "Uid")
        )
        expect(int(capabilities, 16) == 0, f"{service} has the capabilities {capabilities}")
        expect(no_new == "1", f"{service} may get privileges")
        expect(seccomp == "2", f"{service} has no seccomp filter")
        expect(user != "0", f"{service} runs as root")


def _python(project: Project, container: str, code: str, *arguments: str) -> str:
    return project.docker("exec", container, "python", "-c", code, *arguments)


def check_users(project: Project) -> None:
    """Check that the users of MongoDB and RabbitMQ may do no more than their service does."""
    for service, trials in MONGO_TRIALS.items():
        container = project.containers(service)[0]
        asked = json.dumps([trial[:2] for trial in trials])
        codes = json.loads(_python(project, container, ASK_MONGO, asked))
        expected = [code for _, _, code in trials]
        expect(codes == expected, f"MongoDB answers {service} {codes} to {trials}")
    _check_broker_user(project)
    say("MongoDB and RabbitMQ: each service has a user of its own, with its own rights")


def _check_broker_user(project: Project) -> None:
    (broker,) = project.containers("rabbitmq")
    users = project.docker("exec", broker, "rabbitmqctl", "-q", "list_permissions")
    lines = dict(line.split("\t", 1) for line in users.splitlines()[1:])
    expect(set(lines) == {"init", "api", "worker", "notifier"}, f"users of RabbitMQ: {users}")
    expect(lines["api"].split("\t")[0] == "^$", f"the API may create queues: {lines['api']}")


def check_sandbox(project: Project) -> None:
    """Print which layers of the sandbox hold in a worker's container, and try ``strict``."""
    found: dict[str, Any] = json.loads(
        _python(project, project.containers("worker")[0], ASK_SANDBOX)
    )
    say(f"the sandbox in the worker's container: {found}")
    expect(found["seccomp"], "the worker's container has no seccomp filter for children")
    strict = ("run", "--rm", "-T", "--no-deps", "-e", "SECRETARY_WORKER__SANDBOX=strict", "worker")
    try:
        project.compose(*strict, "python", "-c", TRY_STRICT)
    except CommandFailed as error:
        refused = "worker.sandbox is strict" in str(error)
        expect(refused and bool(found["lacks"]), f"a strict worker does not start: {error}")
        say("a strict worker refuses to start here, and names what is missing")
    else:
        expect(not found["lacks"], f"a strict worker starts without {found['lacks']}")
        say("a strict worker starts here")


def check_refusals(project: Project) -> None:
    """Check that MongoDB and RabbitMQ refused nothing that a service asked for."""
    marks = ("not authorized", "ACCESS_REFUSED", "access refused")
    for service in ("api", "worker", "notifier", "init"):
        lines = project.compose("logs", "--no-color", service).splitlines()
        refused = [line for line in lines if any(mark in line for mark in marks)]
        expect(not refused, f"{service} asked for more than its user may do: {refused[:3]}")
    say("no service asked for more than its user may do")
