"""Clients of single MongoDB nodes, for the servers that this package starts."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

JsonObject = dict[str, Any]
NodeClient = MongoClient[JsonObject]

ANSWER_MS = 2_000
ALREADY_INITIALIZED = 23
COMMAND_FAILED = 125


def client_of(host: str, port: int) -> NodeClient:
    """Return a client of one node, with a short timeout."""
    return MongoClient(host, port, directConnection=True, serverSelectionTimeoutMS=ANSWER_MS)


def client_of_url(url: str) -> NodeClient:
    """Return a client of the servers at *url*, with a short timeout."""
    return MongoClient(url, serverSelectionTimeoutMS=ANSWER_MS)


def hello(client: NodeClient) -> JsonObject:
    """Return the server's answer to the command ``hello``; {} if the server does not answer."""
    try:
        return client.admin.command("hello")
    except PyMongoError:
        return {}


def is_primary(client: NodeClient) -> bool:
    """Return whether the server accepts writes now."""
    return bool(hello(client).get("isWritablePrimary"))


def lock_writes(client: NodeClient) -> bool:
    """Block the writes of a secondary. Return False if it is too new to be locked; try again then.

    A secondary that has just copied its data cannot take the checkpoint that a lock needs.
    """
    try:
        client.admin.command("fsync", lock=True)
    except OperationFailure as error:
        if error.code != COMMAND_FAILED:
            raise
        return False
    return True


def initiate(client: NodeClient, configuration: JsonObject) -> None:
    """Initiate a replica set at the server of *client*, unless it is initiated already."""
    try:
        client.admin.command("replSetInitiate", configuration)
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:
            raise
