"""A compose project with its own name, port, secrets and volumes, apart from all others."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ADDED = ROOT / "tests/compose/docker-compose.yml"
"""Adds the receiver, the same one in each version."""
RECEIVER = ROOT / "tests/compose/receiver.py"
OURS = ("api", "notifier", "worker")
"""Secretary's services; each has an image."""
TAG = "compose-test"
LABEL = "com.docker.compose"
IMAGES = "deploy/compose/server_images.sh"
"""Prints the pinned images of the servers that this machine has or can pull."""
BUILD_SEC = 1200.0
UP_SEC = 300.0
COMMAND_SEC = 120.0
TAIL = 4000
"""How many characters of a failed command's output are shown."""

JsonObject = dict[str, Any]


class CommandFailed(Exception):
    """A command ended with an error; the message has the end of its output."""


def run(*command: str, timeout_sec: float = COMMAND_SEC, env: Mapping[str, str]) -> str:
    """Run *command* at the root of the checkout; return its standard output.

    Raises:
        CommandFailed: it failed, or did not end in time.
    """
    try:
        done = subprocess.run(
            command,
            check=False,  # our own error shows the output
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
    """Return ``docker compose`` if it is installed, else ``docker-compose``.

    Raises:
        CommandFailed: neither is installed.
    """
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], check=False, capture_output=True)
        if plugin.returncode == 0:
            return ["docker", "compose"]
    if found := shutil.which("docker-compose"):
        return [found]
    raise CommandFailed("neither docker compose nor docker-compose is installed")


def secrets_in(text: str) -> dict[str, str]:
    """Return the secrets that ``make_secrets.py show`` has printed."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value.strip("'") for name, equals, value in pairs if equals}


def _local_images(env: Mapping[str, str]) -> dict[str, str]:
    lines = run(str(ROOT / IMAGES), env=env).splitlines()
    return dict(line.split("=", 1) for line in lines)


class Project:
    """One compose project."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        settings: Mapping[str, str],
        root: Path = ROOT,
        tag: str = TAG,
    ) -> None:
        """*folder* has no ``.env``; the API is published at *port* of 127.0.0.1.

        *root* has the checkout of the version to run, *tag* is the tag of its images.
        """
        self._root = root
        self._command = compose_command()
        self._env_file = folder / "none.env"
        self._env_file.touch()
        self.env = self._environment()
        self._with_settings = {
            **self.env,
            **settings,
            **_local_images(self.env),
            "RECEIVER_SCRIPT": str(RECEIVER),
            "SAMPLE_PDF": str(ROOT / "demo/sample.pdf"),
            "SECRETARY_INSTALLATION": str(folder),
            "SECRETARY_TAG": tag,
            "SECRETARY_API_ADDRESS": f"127.0.0.1:{port}",
        }
        self.name = f"secretary-compose-test-{os.getpid()}"
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    @staticmethod
    def _environment() -> dict[str, str]:
        """Return this process's environment without the variables of another installation."""
        foreign = ("SECRETARY_", "RABBITMQ_", "COMPOSE_")
        return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}

    @functools.cached_property
    def secrets(self) -> dict[str, str]:
        """The secrets that the service ``secrets`` has made, by their names in ``.env``."""
        show = ("python", "-I", "/make_secrets.py", "show")
        return secrets_in(self.compose("run", "--rm", "-T", "secrets", *show))

    def all_containers(self) -> dict[str, str]:
        """Return the services of all containers, ended ones too, by id."""
        listed = self.docker(
            *("ps", "--all", "--no-trunc", "--filter", f"label={LABEL}.project={self.name}"),
            *("--format", f'{{{{.ID}}}} {{{{.Label "{LABEL}.service"}}}}'),
        )
        return dict(line.split() for line in listed.splitlines())

    def compose(self, *arguments: str, timeout_sec: float = COMMAND_SEC) -> str:
        """Run a compose command of this project; return its output.

        Raises:
            CommandFailed: it failed.
        """
        return run(*self._line(arguments), timeout_sec=timeout_sec, env=self._with_settings)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a compose command of this project without waiting."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            self._line(arguments), cwd=ROOT, env=self._with_settings, stdout=quiet, stderr=quiet
        )

    def _line(self, arguments: Sequence[str]) -> list[str]:
        files = ("-f", str(self._root / "docker-compose.yml"), "-f", str(ADDED))
        identity = ("--project-directory", str(self._root), "-p", self.name)
        return [*self._command, *files, *identity, "--env-file", str(self._env_file), *arguments]

    def docker(self, *arguments: str) -> str:
        """Run a docker command; return its output.

        Raises:
            CommandFailed: it failed.
        """
        return run("docker", *arguments, env=self._with_settings).strip()

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers."""
        return self.compose("ps", "-q", service).split()

    def inspect(self, container: str) -> JsonObject:
        """Return docker's description of a container."""
        found: list[JsonObject] = json.loads(self.docker("inspect", container))
        return found[0]

    def log_lines(self, container: str) -> Iterator[JsonObject]:
        """Yield the JSON objects that a container has logged, on either output, in order."""
        done = subprocess.run(
            ["docker", "logs", container],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # keeps the order of both outputs
        )
        for line in done.stdout.decode(errors="replace").splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def events(self, container: str, event: str) -> list[JsonObject]:
        """Return a container's log lines of one event."""
        return [line for line in self.log_lines(container) if line.get("event") == event]

    def remove(self) -> None:
        """Stop and remove everything of this project except the images."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")
