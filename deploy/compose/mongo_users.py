"""Makes the users of MongoDB and their roles. The service ``init`` runs this before its own work.

Each of Secretary's services has a user that may do what the service does, in its collections and
nowhere else; ``ROLES`` says what. ``operator`` is the administrator, for backups and repairs.

A server without users lets a program on its own machine make the first user. So this runs in the
network of the container ``mongo``. It works on a new volume and on a volume of an installation that
had no users yet, and it may run again: passwords and roles are then brought up to date.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

DATABASE = "secretary"
ADMINISTRATOR = "operator"
REPLICA_SET: dict[str, Any] = {"_id": "rs0", "members": [{"_id": 0, "host": "mongo:27017"}]}
START_SEC, RETRY_SEC = 120.0, 0.5
ALREADY_INITIALIZED, AUTHENTICATION_FAILED, USER_NOT_FOUND, ROLE_NOT_FOUND = 23, 18, 11, 31

READ = ("find",)
WRITE = ("find", "insert", "update", "remove")
# Services look whether all indexes are there; only init builds them.
SEE_INDEXES = ("listCollections", "listIndexes")
ALL_COLLECTIONS = ""
FILES = ("files", "fs.files", "fs.chunks")

Privileges = Mapping[str, tuple[str, ...]]
"""What a role may do, by collection."""

ROLES: Mapping[str, Privileges] = {
    "init": {
        ALL_COLLECTIONS: (*SEE_INDEXES, *WRITE, "createCollection", "createIndex", "dropIndex")
    },
    "api": {
        ALL_COLLECTIONS: (*SEE_INDEXES, "dbStats"),
        "jobs": (*WRITE, "changeStream"),
        **dict.fromkeys(("batches", *FILES, "deliveries", "muted_urls"), WRITE),
        **dict.fromkeys(("api_keys", "audit", "endpoints", "faults", "job_types"), WRITE),
        **dict.fromkeys(("job_logs", "templates", "workers", "notifiers", "schema"), READ),
    },
    "worker": {
        ALL_COLLECTIONS: SEE_INDEXES,
        **dict.fromkeys(("jobs", "batches", "job_logs", *FILES, "cache", "deliveries"), WRITE),
        **dict.fromkeys(("job_types", "templates", "workers", "locks"), WRITE),
        **dict.fromkeys(("limited_claims", "faults"), WRITE),
        **dict.fromkeys(("api_keys", "schema"), READ),
    },
    "notifier": {
        ALL_COLLECTIONS: SEE_INDEXES,
        **dict.fromkeys(("jobs", "deliveries", "muted_urls", "notifiers", "faults"), WRITE),
        **dict.fromkeys(("endpoints", "schema"), READ),
    },
}

Client = MongoClient[dict[str, Any]]


def client_of(host: str, port: int, **options: Any) -> Client:
    """Return a client of this server alone."""
    return MongoClient(
        host, port, directConnection=True, serverSelectionTimeoutMS=2000, w="majority", **options
    )


def prepare(passwords: Mapping[str, str], host: str = "127.0.0.1", port: int = 27017) -> None:
    """Initiate the replica set and make or update the users, by their *passwords*.

    Raises:
        SystemExit: the server has another administrator, is no primary, or does not answer.
    """
    ends = time.monotonic() + START_SEC
    while True:
        try:
            _prepare_once(passwords, host, port)
        except ConnectionFailure as error:  # it starts, or is very busy
            if time.monotonic() > ends:
                sys.exit(f"mongo_users: MongoDB does not answer: {error}")
            time.sleep(RETRY_SEC)
        else:
            return


def _prepare_once(passwords: Mapping[str, str], host: str, port: int) -> None:
    """Do all steps. They may be repeated, also after the answer of one was lost."""
    login = {"username": ADMINISTRATOR, "password": passwords[ADMINISTRATOR]}
    if not _can_log_in(host, port, login):
        _make_administrator(host, port, passwords[ADMINISTRATOR])
    with client_of(host, port, **login) as client:
        for name, privileges in ROLES.items():
            role = f"{DATABASE}-{name}"
            _put_role(client, role, privileges)
            _put_user(client, name, passwords[name], [role])


def _can_log_in(host: str, port: int, login: Mapping[str, str]) -> bool:
    try:
        with client_of(host, port, **login) as client:
            client.admin.command("ping")
    except OperationFailure as error:
        if error.code != AUTHENTICATION_FAILED:
            raise
        return False
    return True


def _make_administrator(host: str, port: int, password: str) -> None:
    with client_of(host, port) as client:
        _initiate(client)
        try:
            client.admin.command("createUser", ADMINISTRATOR, pwd=password, roles=["root"])
        except OperationFailure as error:
            sys.exit(
                f"mongo_users: MongoDB refuses to make the user {ADMINISTRATOR} ({error.code}): if "
                "its volume is of another installation, put the secrets of that one into .env"
            )


def _initiate(client: Client) -> None:
    """Make the server the first member of the replica set, unless it is in one; await its turn."""
    ends = time.monotonic() + START_SEC
    try:
        if not client.admin.command("hello").get("setName"):
            client.admin.command("replSetInitiate", REPLICA_SET)
    except OperationFailure as error:
        member = REPLICA_SET["members"][0]["host"]
        sys.exit(
            f"mongo_users: MongoDB cannot start the replica set with the member {member} "
            f"({error.code}): its container must reach itself under this name"
        )
    while not client.admin.command("hello").get("isWritablePrimary"):
        if time.monotonic() > ends:
            sys.exit(
                f"mongo_users: MongoDB is no primary after {START_SEC:.0f} s: see its log, and "
                "whether its replica set has the name and the member of this installation"
            )
        time.sleep(RETRY_SEC)


def _put_role(client: Client, role: str, privileges: Privileges) -> None:
    granted = [
        {"resource": {"db": DATABASE, "collection": collection}, "actions": list(actions)}
        for collection, actions in privileges.items()
    ]
    try:
        client.admin.command("updateRole", role, privileges=granted, roles=[])
    except OperationFailure as error:
        if error.code != ROLE_NOT_FOUND:
            raise
        client.admin.command("createRole", role, privileges=granted, roles=[])


def _put_user(client: Client, user: str, password: str, roles: list[str]) -> None:
    try:
        client.admin.command("updateUser", user, pwd=password, roles=roles)
    except OperationFailure as error:
        if error.code != USER_NOT_FOUND:
            raise
        client.admin.command("createUser", user, pwd=password, roles=roles)


def main() -> None:
    """Make the users that the file of the command line has, a JSON map of passwords."""
    passwords = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    prepare(passwords)
    print("mongo_users: ready:", ", ".join(sorted(passwords)))


if __name__ == "__main__":
    main()
