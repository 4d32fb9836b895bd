"""The whole system on this machine, installed and started, for ``make demo`` and ``make up``."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pymongo import MongoClient

from secretary_common.settings.settings import DELIMITER, PREFIX
from secretary_devstack.error import ServerMissing
from secretary_devstack.processes.service import Settings
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.source import MONGO, RABBITMQ, RunningServer, Source, running

BROKER_VARIABLE = "SECRETARY_DEMO_BROKER"
_OWN_PORTS = {"worker.http_port", "notifier.http_port"}

Say = Callable[[str], None]


@dataclass(frozen=True)
class LocalSystem:
    """The running system."""

    stack: Stack
    versions: str
    """The names and versions of the servers, to show."""


def wants_broker(description: str, arguments: Sequence[str] | None = None) -> bool:
    """Return whether to use a broker, as the command line or ``SECRETARY_DEMO_BROKER`` says."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--no-broker", action="store_true", help="without RabbitMQ: services poll")
    off = os.environ.get(BROKER_VARIABLE, "").lower() in ("off", "no", "0", "false")
    return not (parser.parse_args(arguments).no_broker or off)


@contextlib.contextmanager
def local_system(
    project: Path,
    *,
    broker: bool,
    say: Say,
    api_port: int | None = None,
    settings: Settings | None = None,
) -> Iterator[LocalSystem]:
    """Run servers and services. Jobs may name files under ``demo/``.

    *settings* or the environment may name the servers. Otherwise they are containers, or else
    programs of this machine. Missing programs are installed if that is allowed. Without RabbitMQ
    the services poll. Data and logs are in a new folder under ``.run/``. The folder is removed at
    the end, but it stays after an error, for its logs.

    Args:
        project: the folder of the checkout.
        broker: whether to use RabbitMQ.
        say: prints one step.
        api_port: the port of the API; if this port is taken, another port is used.
        settings: the user's settings, which override those of the system.

    Raises:
        ServerMissing: MongoDB or the worker cannot run on this machine.
        ChildFailed: a server or a service did not start.
    """
    if sys.platform != "linux":
        raise ServerMissing(
            "the worker runs only on Linux, whose memfd, pidfd and prctl its sandbox needs: use "
            "`make compose-up`, or a Linux machine"
        )
    runs = project / ".run"
    runs.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=runs))
    given = settings or {}
    try:
        with _servers(folder, given, broker=broker, say=say) as (servers, versions):
            say(f"running: {versions}")
            stack = Stack(
                folder / "services",
                mongo_url="",
                roots=[project / "demo"],
                api_port=api_port,
                settings={**servers, **given},
            )
            say("starting secretary-init, then api, worker and notifier")
            with stack:
                yield LocalSystem(stack, versions)
                say("stopping")
    except Exception:  # raised again; the logs say why, so they stay
        say(f"logs: {folder.relative_to(project)}")
        raise
    except KeyboardInterrupt:  # the usual end of `make up`
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


@contextlib.contextmanager
def _servers(
    folder: Path, given: Settings, *, broker: bool, say: Say
) -> Iterator[tuple[dict[str, object], str]]:
    """Run the servers that *given* does not name. Yield their settings and all servers' names."""
    settings: dict[str, object] = {}
    names: list[str] = []
    say(f"starting MongoDB{' and RabbitMQ' if broker else ', without a broker'}")
    with contextlib.ExitStack() as stack:
        if "mongo.url" in given:
            names.append("the MongoDB of SECRETARY_MONGO__URL")
        else:
            mongo = stack.enter_context(running(MONGO, folder / "mongo"))
            names.append(str(mongo))
            settings["mongo.url"] = mongo.url
            settings["mongo.database"] = stack.enter_context(_database(mongo))
        if "broker.url" in given:
            names.append("the broker of SECRETARY_BROKER__URL")
        elif broker and (rabbitmq := _rabbitmq(stack, folder, say)):
            names.append(str(rabbitmq))
            settings["broker.url"] = rabbitmq.url
        else:
            names.append("no broker (polling only)")
        yield settings, ", ".join(names)


def _rabbitmq(stack: contextlib.ExitStack, folder: Path, say: Say) -> RunningServer | None:
    try:
        return stack.enter_context(running(RABBITMQ, folder / "rabbitmq"))
    except ServerMissing as error:
        say(f"without a broker: {error}")
        return None


@contextlib.contextmanager
def _database(mongo: RunningServer) -> Iterator[str]:
    """Yield the name of a database; on a server that is not ours it is a new one, dropped after."""
    if mongo.source is not Source.GIVEN:
        yield "secretary"
        return
    name = f"secretary_demo_{uuid.uuid4().hex[:12]}"
    try:
        yield name
    finally:
        with MongoClient[dict[str, object]](mongo.url) as client:
            client.drop_database(name)


def user_settings(environ: Mapping[str, str], folder: Path) -> dict[str, object]:
    """Return the settings that *environ* has as ``SECRETARY_<SECTION>__<KEY>`` variables.

    The ports of worker and notifier are left out, because the system chooses them to check when
    these services are ready. A relative path in ``SECRETARY_CONFIG`` is relative to *folder*.
    """
    sections = {
        name.removeprefix(PREFIX).lower().replace(DELIMITER, "."): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and DELIMITER in name
    }
    found: dict[str, object] = {
        name: value for name, value in sections.items() if name not in _OWN_PORTS
    }
    if config := environ.get(f"{PREFIX}CONFIG"):
        found["config"] = str(folder / config)
    return found


def end_on_sigterm() -> None:
    """Make SIGTERM end this process as Ctrl-C does, so that every ``finally`` runs."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
