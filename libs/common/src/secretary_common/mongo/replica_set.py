"""Reads the facts of a server, and initiates a replica set on a new one.

Transactions and majority writes need the set.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from secretary_common.errors import ConfigurationError, StoreUnavailable

SELECTION_TIMEOUT_MS = 3_000
DEFAULT_PORT = 27017
ALREADY_INITIALIZED, NO_REPLICATION_ENABLED = 23, 76
# This module sets these options itself, for one server at a time.
_OWN_OPTIONS = frozenset({"replicaset", "directconnection", "serverselectiontimeoutms"})

_SyncClient = MongoClient[dict[str, Any]]


class LoginRefused(StoreUnavailable):
    """MongoDB refuses the user or the password of ``mongo.url``."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What one server says about itself."""

    version: tuple[int, ...]
    replica_set: str | None
    """None: the server was started without ``--replSet``, or its set was not initiated."""
    time: datetime
    at: float
    """The monotonic time of this process at which ``time`` was read, in seconds."""


def facts_of(url: str) -> ServerFacts:
    """Return the facts of the first server of *url* that answers.

    Raises:
        LoginRefused: the server refuses the user or the password.
        StoreUnavailable: no server answers; the cause says why.
    """
    try:
        parsed = parse_uri(url)
    except PyMongoError as error:
        raise StoreUnavailable("mongo.url names no server that can be found") from error
    unanswered: PyMongoError | None = None
    for host, port in parsed["nodelist"]:
        try:
            with _client_of(host, port or DEFAULT_PORT, parsed) as client:
                build = client.admin.command("buildInfo")
                asked = time.monotonic()
                hello = client.admin.command("hello")
                at = (asked + time.monotonic()) / 2
        except OperationFailure as error:
            said = (error.details or {}).get("errmsg") or str(error)
            raise LoginRefused(str(said)[:300]) from error
        except PyMongoError as error:
            unanswered = error
            continue
        moment = hello["localTime"].replace(tzinfo=UTC)
        version = tuple(build["versionArray"][:2])
        return ServerFacts(version, hello.get("setName"), moment, at)
    raise StoreUnavailable(reason_of(unanswered)) from unanswered


def reason_of(error: object) -> str:
    """Return the words of *error* without what the driver knows of each server."""
    reason = str(error)
    for start in (" (configured timeouts", ", Timeout: ", ", Topology Description"):
        reason = reason.partition(start)[0]
    return reason[:300]


def named_set(url: str) -> str | None:
    """Return the replica set that *url* names; None: it names none."""
    with contextlib.suppress(PyMongoError):
        options = {name.lower(): value for name, value in parse_uri(url)["options"].items()}
        return options.get("replicaset")
    return None


def initiate(url: str) -> bool:
    """Initiate a one-node replica set on the first server of *url*, unless a set exists.

    Returns whether a set was initiated. If any server of *url* belongs to a set, this set is kept.

    Raises:
        StoreUnavailable: a server does not answer or refuses, and no server has a set.
        ConfigurationError: the server was started without ``--replSet``.
    """
    try:
        parsed = parse_uri(url)
        unanswered = None
        for host, port in parsed["nodelist"]:
            try:
                with _client_of(host, port or DEFAULT_PORT, parsed) as client:
                    hello = client.admin.command("hello")
            except PyMongoError as error:
                unanswered = unanswered or error
                continue
            if hello.get("setName") or hello.get("msg") == "isdbgrid":
                return False
        if unanswered:
            raise unanswered
        return _initiate(parsed)
    except PyMongoError as error:
        raise StoreUnavailable from error


def _initiate(parsed: Mapping[str, Any]) -> bool:
    host, port = parsed["nodelist"][0]
    options = {name.lower(): value for name, value in parsed["options"].items()}
    member = {"_id": 0, "host": _address(host, port or DEFAULT_PORT)}
    configuration = {"_id": options.get("replicaset") or "rs0", "members": [member]}
    with _client_of(host, port or DEFAULT_PORT, parsed) as client:
        try:
            client.admin.command("replSetInitiate", configuration)
        except OperationFailure as error:
            if error.code == NO_REPLICATION_ENABLED:
                raise ConfigurationError(
                    "mongo.url: MongoDB runs without --replSet; Secretary needs a replica set"
                ) from None
            if error.code != ALREADY_INITIALIZED:
                raise
            return False
    return True


def _address(host: str, port: int) -> str:
    """Return the address of a server as URLs and replica sets have it."""
    if host.startswith("/"):  # a socket of this machine
        return quote(host, safe="")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _client_of(host: str, port: int, parsed: Mapping[str, Any]) -> _SyncClient:
    """Return a client of one server, with the user and the options of the URL."""
    options = {n: v for n, v in parsed["options"].items() if n.lower() not in _OWN_OPTIONS}
    credentials = {"username": parsed["username"], "password": parsed["password"]}
    return MongoClient(
        # The driver looks for the user in the database of the URL, unless an option names another.
        f"mongodb://{_address(host, port)}/{quote(parsed['database'] or '', safe='')}",
        directConnection=True,
        serverSelectionTimeoutMS=SELECTION_TIMEOUT_MS,
        **{key: value for key, value in credentials.items() if value},
        **options,
    )
