"""``make upgrade-test``: a rolling upgrade from an earlier commit, in every mix, under load.

All services start with the earlier version, and jobs are submitted all the time. Then
``secretary-init`` of this version runs, and one service after the other is replaced, forth and
back, so that each of the eight mixes of old and new APIs, workers and notifiers runs on the new
schema. At the end all services have this version. The ledger is that of the chaos tests.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chaos.experiment import Experiment, Size
from chaos.faults import Fault, FaultKind, Target
from chaos.one_experiment import run_one
from chaos.small_disk import enter_namespace
from support.scenario_report import say
from upgrade.previous_version import ROOT, installed, previous_commit

from secretary_devstack.error import ServerMissing

NEW, OLD = 0, 1
FIRST_SEC, EVERY_SEC = 8.0, 16.0
"""Replacing all processes of a service takes a few seconds, so each mix runs for about ten."""
# Each step changes one service. With "all old" at the start, all eight mixes occur.
STEPS = (
    (Target.WORKER, NEW),
    (Target.API, NEW),
    (Target.WORKER, OLD),
    (Target.NOTIFIER, NEW),
    (Target.API, OLD),
    (Target.WORKER, NEW),
    (Target.API, NEW),
)
SEED = 1


def replacements() -> Iterator[Fault]:
    """Yield the schema of this version, then the steps, then the init of a rollback and of this."""
    steps = [(Target.SCHEMA, NEW), *STEPS, (Target.SCHEMA, OLD), (Target.SCHEMA, NEW)]
    for number, (target, version) in enumerate(steps):
        at = FIRST_SEC + number * EVERY_SEC
        yield Fault(at, target, FaultKind.REPLACE, 0.0, 0.0, variant=version)


def mixes() -> list[str]:
    """Return the mixes of versions on the new schema, in order."""
    versions = {Target.API: OLD, Target.WORKER: OLD, Target.NOTIFIER: OLD}
    found = [_shown(versions)]
    for target, version in STEPS:
        versions[target] = version
        found.append(_shown(versions))
    return found


def _shown(versions: dict[Target, int]) -> str:
    return ", ".join(f"{name} {'old' if one else 'new'}" for name, one in versions.items())


def main() -> int:
    """Run the test; return 0 if the promise was kept."""
    options = _options()
    runs = ROOT / ".run"
    runs.mkdir(exist_ok=True)
    try:
        enter_namespace(["-m", "upgrade.scenario", *sys.argv[1:]])
        commit = previous_commit(options.previous)
        with (
            tempfile.TemporaryDirectory(prefix="previous-", dir=runs) as folder,
            installed(commit, Path(folder)) as scripts,
        ):
            return _run(scripts, commit, options)
    except ServerMissing as error:
        say(f"upgrade: {error}")
        return 1


def _run(scripts: Path, commit: str, options: argparse.Namespace) -> int:
    faults = list(replacements())
    size = Size(options.jobs, faults[-1].at_sec + EVERY_SEC, flood_jobs=0)
    say(f"upgrade: from {commit[:10]} under load, each mix on the new schema:")
    for mix in mixes():
        say(f"  {mix}")

    def experiment(folder: Path) -> Experiment:
        return Experiment(SEED, size, folder, faults=faults, other_version=scripts)

    return run_one("upgrade", experiment, keep=options.keep)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--previous", help="a commit or tag; by default the latest tag, else HEAD^")
    parser.add_argument("--jobs", type=int, default=800, help="how many are submitted")
    parser.add_argument("--keep", action="store_true", help="keep all logs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
