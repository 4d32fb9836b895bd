"""``make fairness``: one key attacks, another key works, all with the default settings.

Each attack runs against real processes. Meanwhile the other key, the bystander, submits short jobs
with a webhook, and uploads files. The command prints what the attack costs the bystander, and fails
if that is more than the service promises (``BOUNDS``).
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from fairness import attacks
from fairness.measures import Bystander, Measured
from support.scenario_report import say

from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.local_system import end_on_sigterm
from secretary_devstack.processes.stack import Servers, Stack
from secretary_devstack.servers.receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
WORKERS = 2
SETTINGS = {"worker.handler_modules": ["fairness.handlers"]}

BOUNDS = {
    "start_sec": 2.0,  # of a short job
    "upload_sec": 5.0,
    "webhook_sec": 5.0,
    "api_mib": 400.0,
    "p95_ratio": 2.0,
    "open_sec": 35.0,  # of a connection without a head: api.head_sec and the time to close it
    "body_sec": 70.0,  # of a connection with a slow body: api.body_sec, and the same
}
"""The most that an attack may cost the bystander and the API."""

ATTACKS: dict[str, Callable[[attacks.Target, Bystander], Measured]] = {
    "slots": attacks.long_jobs,
    "uploads": attacks.dripping_uploads,
    "bodies": attacks.large_bodies,
    "heads": attacks.half_heads,
    "drips": attacks.dripping_bodies,
}


def main() -> int:
    """Run the attacks; return 0 if each stayed within its bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help=", ".join(ATTACKS))
    names = parser.parse_args().attacks or list(ATTACKS)
    if unknown := set(names) - set(ATTACKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(ATTACKS)}")
    end_on_sigterm()
    runs = ROOT / ".run"
    runs.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="fairness-", dir=runs))
    try:
        kept = _run(folder, names)
    except (ChildFailed, NotInTime, ServerMissing) as error:
        say(f"fairness: {type(error).__name__}: {error}")
        kept = False
    if kept:
        shutil.rmtree(folder)
        say("fairness: ok")
        return 0
    say(f"fairness: FAILED; logs: {folder.relative_to(ROOT)}")
    return 1


def _run(folder: Path, names: list[str]) -> bool:
    with ExitStack() as on:
        receiver = on.enter_context(Receiver())
        servers = on.enter_context(Servers(folder / "servers"))
        stack = Stack(
            folder / "services",
            mongo_url=servers.mongo.url,
            amqp_url=servers.amqp_url,
            workers=WORKERS,
            settings=SETTINGS,
        )
        for worker in stack.workers:
            worker.variables["PYTHONPATH"] = str(TESTS)
        on.enter_context(stack)
        admin = on.enter_context(stack.client())
        client = on.enter_context(JobClient(stack.url, _new_key(admin, "bystander")))
        target = attacks.Target(stack, TESTS, [_new_key(admin, f"hostile-{n}") for n in range(4)])
        bystander = Bystander(client, receiver, stack.api, TESTS)
        bystander.measure()  # the first calls of each kind are slower
        kept = True
        for name in names:
            kept &= _is_within(name, ATTACKS[name](target, bystander))
        return kept


def _is_within(name: str, measured: Measured) -> bool:
    """Print the figures of one attack; return whether all are within their bounds."""
    above = {key for key, value in measured.figures.items() if value > BOUNDS.get(key, value)}
    shown = (
        f"{key} {value:.3g}{'  ABOVE ' + format(BOUNDS[key], 'g') if key in above else ''}"
        for key, value in measured.figures.items()
    )
    say(f"{name:8} {', '.join(shown)}")
    for problem in measured.problems:
        say(f"{name:8} {problem}")
    return not above and not measured.problems


def _new_key(admin: JobClient, name: str) -> str:
    answer = admin.http.post("/api/keys", json={"name": name}).raise_for_status()
    key: str = answer.json()["data"]["key"]
    return key


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
