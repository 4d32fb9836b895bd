"""``make up``: run the whole system on this machine until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.processes.local_system import (
    LocalSystem,
    end_on_sigterm,
    local_system,
    user_settings,
    wants_broker,
)

PROJECT = Path(__file__).resolve().parents[1]
API_PORT = 5001
WATCH_SEC = 1.0
INTERRUPTED = 130
"""The usual exit status after Ctrl-C."""

USAGE = """
Secretary is up ({versions})

  API     {url}
  docs    {url}/docs
  key     {key}
  logs    {logs}

  curl -s {url}/api/jobs/ -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"job_type": "pdf", "parameters": {{"filename": "sample.pdf"}}}}'

  curl -s {url}/api/jobs/<job_id> -H 'Authorization: Bearer {key}'

Jobs may name files under demo/. Webhooks are signed with {secret}
Ctrl-C stops everything and deletes the data.
"""


def say(text: str) -> None:
    """Print one step."""
    print(f"== {text}", flush=True)


def print_usage(system: LocalSystem, settings: Mapping[str, object]) -> None:
    """Print how to use the system."""
    stack = system.stack
    text = USAGE.format(
        versions=system.versions,
        url=stack.url,
        key=stack.keys.bootstrap,
        secret=(
            "the secrets of SECRETARY_NOTIFIER__SIGNING_SECRETS"
            if "notifier.signing_secrets" in settings
            else stack.keys.signing
        ),
        logs=stack.folder.relative_to(PROJECT),
    )
    print(text, flush=True)


def watch(system: LocalSystem) -> None:
    """Wait until a service ends; never return.

    Raises:
        ChildFailed: the message names the service and has the end of its log.
    """
    while True:
        for service in system.stack.services:
            if not service.running:
                raise service.child.failure(f"ended with {service.child.returncode}")
        time.sleep(WATCH_SEC)


def make_search_path_absolute() -> None:
    """Make ``PYTHONPATH`` absolute, because the services run in another folder."""
    if path := os.environ.get("PYTHONPATH"):
        entries = [str(Path(entry).resolve()) for entry in path.split(os.pathsep)]
        os.environ["PYTHONPATH"] = os.pathsep.join(entries)


def api_port(settings: Mapping[str, object]) -> int:
    """Return the wanted port of the API."""
    wanted = str(settings.get("api.port", ""))
    return int(wanted) if wanted.isdecimal() else API_PORT


def main() -> int:
    """Run until Ctrl-C; return the exit status."""
    end_on_sigterm()
    broker = wants_broker(__doc__ or "")
    settings = user_settings(os.environ, Path.cwd())
    make_search_path_absolute()
    if settings:
        say(f"your settings: {', '.join(sorted(settings))}")
    try:
        with local_system(
            PROJECT, broker=broker, say=say, api_port=api_port(settings), settings=settings
        ) as system:
            print_usage(system, settings)
            with contextlib.suppress(KeyboardInterrupt):
                watch(system)
    except (ChildFailed, NotInTime, ServerMissing) as error:
        print(f"FAILED: {error}")
        return 1
    except KeyboardInterrupt:  # before the system was ready
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
