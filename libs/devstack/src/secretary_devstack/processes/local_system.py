"""The whole system on this machine, installed and started, for ``make demo`` and ``make up``."""

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
from secretary_devstack.servers.provision import PROGRAMS, provide

BROKER_VARIABLE = "SECRETARY_DEMO_BROKER"

Say = Callable[[str], None]


@dataclass(frozen=True)
class LocalSystem:
    """The running servers and services."""

    servers: Servers
    stack: Stack
    versions: str


def wants_broker(description: str, arguments: Sequence[str] | None = None) -> bool:
    """Return whether to start a broker, by the command line and ``SECRETARY_DEMO_BROKER``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--no-broker", action="store_true", help="without RabbitMQ: services poll")
    off = os.environ.get(BROKER_VARIABLE, "").lower() in ("off", "no", "0", "false")
    return not (parser.parse_args(arguments).no_broker or off)


@contextlib.contextmanager
def local_system(
    project: Path, *, broker: bool, say: Say, api_port: int | None = None
) -> Iterator[LocalSystem]:
    """Run servers and services; jobs may name files under ``demo/``, ``.run/`` keeps data and logs.

    Missing packages are installed where that is allowed; without RabbitMQ the services poll. The
    folder under ``.run/`` is removed at the end. After an error it stays, for its logs.

    Raises:
        ServerMissing: MongoDB is not installed and cannot be.
        ChildFailed: a server or a service did not start.
    """
    if not provide(PROGRAMS["mongod"]):
        raise ServerMissing("MongoDB cannot run here; see above")
    with_broker = broker and provide(PROGRAMS["rabbitmq"])
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
    """Make SIGTERM end this process as Ctrl-C does, so that every ``finally`` runs."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
