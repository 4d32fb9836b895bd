"""Installs the Debian packages of servers and tests, if this is allowed. Starts no service.

``python -m secretary_devstack.servers.provision mongod rabbitmq`` installs MongoDB and RabbitMQ or
fails. With ``--optional`` it reports programs that it cannot install, and does not fail.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from secretary_devstack.error import ServerMissing
from secretary_devstack.servers.mongod import mongod_binary, wheel_is_installed
from secretary_devstack.servers.rabbitmq.program import rabbitmq_installed

INSTALL_SEC = 600
PACKAGED_POSTGRESQL = Path("/usr/lib/postgresql")
LIBRE_OFFICE = Path("/usr/lib/libreoffice/program")
RUN_SEC = 30

# sh runs this script as root with the packages as arguments. A package's post-install script
# calls policy-rc.d before it starts a service. Without policy-rc.d it checks the runlevel. The exit
# code 101 of policy-rc.d forbids the start.
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
class Program:
    """A program, with the Debian packages that it needs."""

    name: str
    package: str
    """The packages, with blanks between them."""
    present: Callable[[], bool]
    helps: Callable[[], bool] = lambda: True
    """Returns whether the Debian package is enough on this machine."""
    elsewhere: str = ""
    """The name of the software to install on machines without apt-get."""


def mongod_runs() -> bool:
    """Return whether ``mongod`` and its libraries are installed."""
    try:
        command = [mongod_binary(), "--version"]
        return _succeeds(command)
    except (ServerMissing, OSError):
        return False


def postgresql_installed() -> bool:
    """Return whether a PostgreSQL server is installed. Debian keeps its programs off the PATH."""
    return any(PACKAGED_POSTGRESQL.glob("*/bin/postgres"))


def libre_office_installed() -> bool:
    """Return whether LibreOffice is installed with its parts for texts and presentations."""
    return all((LIBRE_OFFICE / name).exists() for name in ("libswlo.so", "libsdlo.so"))


def on_path(program: str) -> Callable[[], bool]:
    """Return a function that checks whether *program* is installed."""
    return lambda: shutil.which(program) is not None


_HOMEBREW = {
    "MongoDB": "mongodb/brew/mongodb-community",
    "RabbitMQ": "rabbitmq",
    "Node.js": "node",
    "pdftotext": "poppler",
    "promtool": "prometheus",
}
PROGRAMS = {
    # The wheel contains mongod, but not the library libcurl that mongod needs.
    "mongod": Program(
        "MongoDB",
        "libcurl4",
        mongod_runs,
        wheel_is_installed,
        "mongod 6.0 or newer (https://www.mongodb.com/docs/manual/installation)",
    ),
    "rabbitmq": Program("RabbitMQ", "rabbitmq-server", rabbitmq_installed),
    # A bench compares Secretary with a job system that needs it.
    "postgresql": Program("PostgreSQL", "postgresql", postgresql_installed),
    "ffmpeg": Program("ffmpeg", "ffmpeg", on_path("ffmpeg")),
    # Makes the recordings that tests use.
    "espeak-ng": Program("espeak-ng", "espeak-ng", on_path("espeak-ng")),
    # Reads searchable PDFs, independently of the library that writes them.
    "pdftotext": Program("pdftotext", "poppler-utils", on_path("pdftotext")),
    # Reads doc and ppt. It needs several hundred MB, so only the drills install it.
    "libreoffice": Program(
        "LibreOffice",
        "libreoffice-writer-nogui libreoffice-impress-nogui",
        libre_office_installed,
    ),
    # Checks the alerts.
    "promtool": Program("promtool", "prometheus", on_path("promtool")),
    # Terminates TLS in front of the API.
    "caddy": Program("Caddy", "caddy", on_path("caddy")),
    # Runs the documented code that verifies a signature.
    "nodejs": Program("Node.js", "nodejs", on_path("node")),
    # Installs the tools of the TypeScript client. Other packages of Node.js include npm.
    "npm": Program("npm", "npm", on_path("npm")),
    # Opens the dashboard.
    "chromium": Program("Chromium", "chromium", on_path("chromium")),
}


def provide(program: Program) -> bool:
    """Install *program* if it is missing and this is allowed. Return whether it is installed."""
    if program.present():
        return True
    command = root_command(shutil.which, is_root=os.geteuid() == 0)
    if command is None or not program.helps():
        _say(f"{program.name} is missing: {advice(program, sys.platform)}")
        return False
    _say(f"installing {program.package} for {program.name} (apt-get; its service is not started)")
    if not _succeeds([*command, "sh", "-s", "--", *program.package.split()], script=_INSTALL):
        _say(f"{program.package} could not be installed")
        return False
    return program.present()


def advice(
    program: Program, platform: str, which: Callable[[str], str | None] = shutil.which
) -> str:
    """Return words that say how to install *program* on *platform* (``sys.platform``)."""
    if platform == "darwin":
        return f"brew install {_HOMEBREW.get(program.name, program.package)}"
    if program.helps() and which("apt-get"):
        return f"as root: apt-get install {program.package}"
    if not program.elsewhere and which("dnf"):
        return f"as root: dnf install {program.package}"
    return f"install {program.elsewhere or program.package}"


def root_command(which: Callable[[str], str | None], *, is_root: bool) -> list[str] | None:
    """Return the words before a command that runs it as root.

    Return None without apt-get, and for a user who is not root and has no sudo.
    """
    if which("apt-get") is None:
        return None
    if is_root:
        return []
    return ["sudo", "-n"] if which("sudo") else None


def _succeeds(command: list[object], *, script: str | None = None) -> bool:
    """Run *command* with *script* as its input. Print the output if a script fails."""
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
    """Install the named programs. Return 0 if all are installed now, or with ``--optional``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="+", choices=sorted(PROGRAMS))
    parser.add_argument("--optional", action="store_true", help="do not fail if one is missing")
    arguments = parser.parse_args()
    found = [provide(PROGRAMS[name]) for name in arguments.programs]
    return 0 if all(found) or arguments.optional else 1


if __name__ == "__main__":
    sys.exit(main())
