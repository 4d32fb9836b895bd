"""The configuration files and the environment variables of a node."""

from __future__ import annotations

import json
from pathlib import Path

from secretary_devstack.servers.port import HOST
from secretary_devstack.servers.rabbitmq.program import FIRST_WITH_DELIVERY_LIMIT


def files_of(port: int, folder: Path, major: int) -> dict[str, str]:
    """Return the configuration files of a node by their names in *folder*.

    Args:
        port: the port for AMQP.
        folder: the folder of the node.
        major: the major version of RabbitMQ.
    """
    lines = [
        f"listeners.tcp.1 = {HOST}:{port}",
        "raft.wal_max_size_bytes = 64000000",  # this log is also in memory; the default is 512 MB
        "disk_free_limit.absolute = 64MB",
        "log.file.level = warning",
        f"load_definitions = {folder / 'definitions.json'}",
    ]
    return {
        "rabbitmq.conf": "\n".join(lines) + "\n",
        "rabbitmq-env.conf": "",
        "enabled_plugins": "[].\n",
        "definitions.json": json.dumps(_definitions(major)),
    }


def _definitions(major: int) -> dict[str, object]:
    """Return the definitions of a new node: one user, one virtual host, no redelivery limit."""
    everything = dict.fromkeys(("configure", "write", "read"), ".*")
    unlimited = {
        "vhost": "/",
        "name": "secretary-give-back",
        "pattern": "^secretary\\.",
        "apply-to": "queues",
        "definition": {"delivery-limit": -1},
    }
    return {
        "users": [{"name": "guest", "password": "guest", "tags": "administrator"}],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": "guest", "vhost": "/"} | everything],
        # Before 4.0 there is no limit, and -1 is not a valid value.
        "policies": [unlimited] if major >= FIRST_WITH_DELIVERY_LIMIT else [],
    }


def variables_of(
    folder: Path, node: str, *, mapper: int, home: Path, distribution: int, quick_start: bool
) -> dict[str, str]:
    """Return the environment variables of a node.

    Args:
        folder: the folder of the node.
        node: the name of the node.
        mapper: the port of the port mapper.
        home: the folder with the Erlang cookie.
        distribution: the port for other nodes of a cluster.
        quick_start: see ``RabbitMQ``.
    """
    return {
        "HOME": str(home),  # the Erlang cookie
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_ALLOW_INPUT": "true",
        # "none" is RabbitMQ's default. The schedulers then sleep and wake 200,000 times during the
        # start, which took 12 s instead of 5 s on two virtual cores.
        "RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD": "medium" if quick_start else "none",
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_EPMD_PORT": str(mapper),
        # For every Erlang VM that the server starts, including short-lived ones.
        "ERL_AFLAGS": "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false",
    }
