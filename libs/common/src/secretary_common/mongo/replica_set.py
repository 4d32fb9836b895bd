"""Initiates a replica set on a new server: transactions and majority writes need one."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pymongo.uri_parser import parse_uri

from secretary_common.errors import ConfigurationError
from secretary_common.mongo.fault import translated_errors

SELECTION_TIMEOUT_MS = 3_000
DEFAULT_PORT = 27017
ALREADY_INITIALIZED, NO_REPLICATION_ENABLED = 23, 76


def initiate(url: str) -> bool:
    """Initiate a one-node replica set on the first server of *url*, unless it has one.

    Returns whether it initiated one.

    Raises:
        StoreUnavailable: the server does not answer.
        ConfigurationError: the server was started without ``--replSet``.
    """
    parsed = parse_uri(url)
    host, port = parsed["nodelist"][0]
    options = dict(parsed["options"])
    name = options.pop("replicaSet", None) or options.pop("replicaset", None)
    credentials = {"username": parsed["username"], "password": parsed["password"]}
    client: MongoClient[dict[str, Any]] = MongoClient(
        host,
        port or DEFAULT_PORT,
        directConnection=True,
        serverSelectionTimeoutMS=SELECTION_TIMEOUT_MS,
        **{key: value for key, value in credentials.items() if value},
        **options,
    )
    with client, translated_errors():
        hello = client.admin.command("hello")
        if hello.get("setName") or hello.get("msg") == "isdbgrid":
            return False
        member = {"_id": 0, "host": f"{host}:{port or DEFAULT_PORT}"}
        try:
            client.admin.command("replSetInitiate", {"_id": name or "rs0", "members": [member]})
        except OperationFailure as error:
            if error.code == NO_REPLICATION_ENABLED:
                raise ConfigurationError(
                    "MongoDB runs without --replSet; Secretary needs it"
                ) from None
            if error.code != ALREADY_INITIALIZED:
                raise
            return False
    return True
