"""The whole system on this machine, from nothing: what ``make demo`` and ``make up`` show."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from secretary_devstack.error import ServerMissing
from secretary_devstack.processes.stack import Servers, Stack
from secretary_devstack.servers.provision import PARTS, provide

BROKER_VARIABLE = "SECRETARY_DEMO_BROKER"

Say = Callable[[str], None]


@dataclass(frozen=True)
class LocalSystem:
    """What runs."""

    servers: Servers
    stack: Stack
    versions: str


def wants_broker(description: str, arguments: Sequence[str] | None = None) -> bool:
    """Whether the command line and ``SECRETARY_DEMO_BROKER`` leave the broker on."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--no-broker", action="store_true", help="poll only, without RabbitMQ")
    off = os.environ.get(BROKER_VARIABLE, "").lower() in ("off", "no", "0", "false")
    return not (parser.parse_args(arguments).no_broker or off)


@contextlib.contextmanager
def local_system(
    project: Path, *, broker: bool, say: Say, api_port: int | None = None
) -> Iterator[LocalSystem]:
    """Servers and services with files under ``demo/``; data and logs lie under ``.run/``.

    What the servers lack is installed where that is allowed; without RabbitMQ it polls. The folder
    is removed at the end, unless an error ends it: then its logs are worth reading.

    Raises:
        ServerMissing: MongoDB cannot be had.
        ChildFailed: a server or a service did not start.
    """
    if not provide(PARTS["mongod"]):
        raise ServerMissing("MongoDB cannot run here; see above")
    with_broker = broker and provide(PARTS["rabbitmq"])
    runs = project / ".run"
    runs.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=runs))
    try:
        with _running(project, folder, broker=with_broker, say=say, api_port=api_port) as system:
            yield system
            say("stopping")
    except Exception:
        say(f"logs: {folder.relative_to(project)}")
        raise
    except KeyboardInterrupt:  # the usual end of `make up`
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


@contextlib.contextmanager
def _running(
    project: Path, folder: Path, *, broker: bool, say: Say, api_port: int | None
) -> Iterator[LocalSystem]:
    say(f"starting MongoDB{' and RabbitMQ' if broker else ', without a broker'}")
    with Servers(folder, broker=broker) as servers:
        versions = servers.versions()
        say(f"running: {versions}")
        stack = Stack(
            folder / "services",
            mongo_url=servers.mongo.url,
            amqp_url=servers.amqp_url,
            roots=[project / "demo"],
            api_port=api_port,
        )
        say("starting secretary-init, then api, worker and notifier")
        with stack:
            yield LocalSystem(servers, stack, versions)


def end_on_sigterm() -> None:
    """Let SIGTERM end this process as Ctrl-C does: by way of every ``finally``."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
