"""A compose project of its own beside whatever else runs here: own name, port, secrets, volumes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILES = ("docker-compose.yml", "tests/compose/docker-compose.yml")
OURS = ("api", "notifier", "worker")
"""Our services; each has an image."""
TAG = "compose-test"
BUILD_SEC = 1200.0
UP_SEC = 300.0
COMMAND_SEC = 120.0
TAIL = 4000
"""Characters of a failed command's output that are shown."""

JsonObject = dict[str, Any]


class CommandFailed(Exception):
    """A command ended with an error; the message has the end of its output."""


def run(*command: str, timeout_sec: float = COMMAND_SEC, env: Mapping[str, str]) -> str:
    """The standard output of *command*, run at the root of the checkout.

    Raises:
        CommandFailed: it failed, or did not end in time.
    """
    try:
        done = subprocess.run(
            command,
            check=False,  # the error shall show the output
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=timeout_sec,
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{' '.join(command)}: not within {timeout_sec:g} s") from None
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-TAIL:]}")
    return done.stdout


def compose_command() -> list[str]:
    """``docker compose`` where it is installed, else ``docker-compose``.

    Raises:
        CommandFailed: neither is.
    """
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], check=False, capture_output=True)
        if plugin.returncode == 0:
            return ["docker", "compose"]
    if found := shutil.which("docker-compose"):
        return [found]
    raise CommandFailed("neither docker compose nor docker-compose is installed")


def secrets_in(file: Path) -> dict[str, str]:
    """The variables of an ``.env`` file as ``make_env.py`` writes it."""
    pairs = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
    return {name: value.strip("'") for name, equals, value in pairs if equals}


class Project:
    """The commands of one compose project."""

    def __init__(self, folder: Path, *, port: int, settings: Mapping[str, str]) -> None:
        """*folder* keeps the secrets; the API is published at *port* of 127.0.0.1."""
        self._command = compose_command()
        self._env_file = folder / "compose.env"
        self.env = self._environment()
        run(sys.executable, "deploy/compose/make_env.py", str(self._env_file), env=self.env)
        self.secrets = secrets_in(self._env_file)
        self._with_settings = {
            **self.env,
            **settings,
            "SECRETARY_TAG": TAG,
            "SECRETARY_API_ADDRESS": f"127.0.0.1:{port}",
        }
        self.name = f"secretary-compose-test-{os.getpid()}"
        self.url = f"http://127.0.0.1:{port}"

    @staticmethod
    def _environment() -> dict[str, str]:
        """Ours, without what an installation of the user's put into it."""
        foreign = ("SECRETARY_", "RABBITMQ_", "COMPOSE_")
        return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}

    def refusal_without_secrets(self, folder: Path) -> str:
        """What compose says when there is no ``.env``; empty if it does not mind."""
        empty = folder / "empty.env"
        empty.touch()
        try:
            files = ("-f", FILES[0], "--env-file", str(empty))
            run(*self._command, *files, "config", env=self.env)
        except CommandFailed as error:
            return str(error)
        return ""

    def compose(self, *arguments: str, timeout_sec: float = COMMAND_SEC) -> str:
        """The output of a compose command of this project.

        Raises:
            CommandFailed: it failed.
        """
        return run(*self._line(arguments), timeout_sec=timeout_sec, env=self._with_settings)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A compose command of this project that runs on beside us."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            self._line(arguments), cwd=ROOT, env=self._with_settings, stdout=quiet, stderr=quiet
        )

    def _line(self, arguments: Sequence[str]) -> list[str]:
        files = [part for file in FILES for part in ("-f", file)]
        identity = ("--project-directory", str(ROOT), "-p", self.name)
        return [*self._command, *files, *identity, "--env-file", str(self._env_file), *arguments]

    def docker(self, *arguments: str) -> str:
        """The output of a docker command.

        Raises:
            CommandFailed: it failed.
        """
        return run("docker", *arguments, env=self._with_settings).strip()

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers."""
        return self.compose("ps", "-q", service).split()

    def inspect(self, container: str) -> JsonObject:
        """What docker knows of a container."""
        found: list[JsonObject] = json.loads(self.docker("inspect", container))
        return found[0]

    def log_lines(self, container: str) -> Iterator[JsonObject]:
        """The JSON objects a container has logged, on either output, in order."""
        done = subprocess.run(
            ["docker", "logs", container],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # in order with what went to standard output
        )
        for line in done.stdout.decode(errors="replace").splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def events(self, container: str, event: str) -> list[JsonObject]:
        """The lines of one event that a container has logged."""
        return [line for line in self.log_lines(container) if line.get("event") == event]

    def remove(self) -> None:
        """End and remove everything of this project but the images: they speed up the next time."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")
