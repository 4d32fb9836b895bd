"""Finds the programs of RabbitMQ on this machine."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from secretary_devstack.error import ServerMissing

# The server's script in the packages of Debian and Fedora. Their commands on the PATH are wrapper
# scripts.
PACKAGED_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# Version 4.0 and later drop a message that was requeued 20 times, unless a policy forbids it.
FIRST_WITH_DELIVERY_LIMIT = 4
_MAJOR_VERSION = re.compile(r"rabbitmq(?:_server-|/)(\d+)")


def rabbitmq_script() -> Path | None:
    """Return the path of the server's script, from a package or else from the PATH."""
    if PACKAGED_SCRIPT.exists():
        return PACKAGED_SCRIPT
    found = shutil.which("rabbitmq-server")
    return Path(found) if found else None


def rabbitmq_installed() -> bool:
    """Return whether the server and its port mapper are installed."""
    return rabbitmq_script() is not None and shutil.which("epmd") is not None


def required_script() -> Path:
    """Return the path of the server's script.

    Raises:
        ServerMissing: the server or its port mapper is not installed.
    """
    script = rabbitmq_script()
    if script is None or not rabbitmq_installed():
        raise ServerMissing("no rabbitmq-server and epmd, neither packaged nor on the PATH")
    return script


def major_of(script: Path) -> int:
    """Return the major version of RabbitMQ, from the name of the folder of *script*."""
    found = _MAJOR_VERSION.search(str(script.resolve()))
    return int(found[1]) if found else FIRST_WITH_DELIVERY_LIMIT
