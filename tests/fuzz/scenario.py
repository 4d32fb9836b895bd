"""Send generated requests to a whole system, and check each answer against the OpenAPI document.

The requests are valid and invalid ones, single ones and sequences, with an admin's key and without.
``make fuzz`` runs this for minutes, and ``make test`` for seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from support.scenario_report import say

from secretary_devstack.processes.service import Settings
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.mongod import ReplicaSet

TESTS = Path(__file__).resolve().parents[1]
CONFIG = Path(__file__).with_name("schemathesis.toml")
SETTINGS: Settings = {
    "worker.handler_modules": ["e2e_handlers"],
    "notifier.timeout_sec": 2,
    "api.max_body_mb": 1,
}
ENDLESS = "/api/stream"
"""The stream that never ends, so that its answer is never complete."""
REQUEST_TIMEOUT_SEC = 90
SLACK_SEC = REQUEST_TIMEOUT_SEC + 30.0
"""The last request may begin just before the time is over. Then the program writes its report."""


def fuzz(url: str, key: str | None, *, seconds: int, folder: Path, options: Sequence[str]) -> str:
    """Test the API at *url*; return an empty text, or a report of what is wrong.

    Args:
        url: the URL of the API.
        key: an admin's key; None: the requests have no key.
        seconds: how long the tests may take.
        folder: keeps the complete output.
        options: further options of the command ``schemathesis run``.
    """
    command = [str(Path(sys.executable).with_name("schemathesis"))]
    command += ["--config-file", str(CONFIG), "run", f"{url}/openapi.json"]
    command += ["--checks", "all", "--mode", "all", "--exclude-path", ENDLESS, "--no-color"]
    command += ["--continue-on-failure", "--max-time", str(seconds)]
    command += ["--request-timeout", str(REQUEST_TIMEOUT_SEC)]
    if key:
        command += ["--header", f"Authorization: Bearer {key}"]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env={"PYTHONPATH": str(TESTS), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + SLACK_SEC,
    )
    (folder / "schemathesis.log").write_text(done.stdout + done.stderr)
    return "" if done.returncode == 0 else done.stdout[-20_000:] + done.stderr[-2_000:]


def main() -> int:
    """Run the long test; return 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600, help="with a key; without: a fifth")
    parser.add_argument("--examples", type=int, default=200, help="for each operation")
    parser.add_argument("--seed", help="repeats a run")
    given = parser.parse_args()
    options = ["--max-examples", str(given.examples)]
    options += ["--seed", given.seed] if given.seed else []
    os.environ["PYTHONPATH"] = str(TESTS / "e2e")  # for the worker, which imports the handlers
    with (
        tempfile.TemporaryDirectory(prefix="secretary-fuzz-") as name,
        ReplicaSet(Path(name) / "mongo") as mongo,
        Stack(
            Path(name) / "services", mongo_url=mongo.url, database="fuzz", settings=SETTINGS
        ) as stack,
    ):
        folder = Path(name)
        for key, seconds in ((stack.keys.bootstrap, given.seconds), (None, given.seconds // 5)):
            say(f"fuzz: {seconds} s {'with a key' if key else 'without a key'}")
            if report := fuzz(stack.url, key, seconds=seconds, folder=folder, options=options):
                say(report)
                return 1
            say((folder / "schemathesis.log").read_text().rpartition("Test cases:")[2])
    say("fuzz: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
