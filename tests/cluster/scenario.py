"""``make cluster-test``: kill each node of MongoDB and RabbitMQ and services, under load.

The system is that of ``make chaos`` with a cluster of three RabbitMQ nodes: a replica set of three
MongoDB nodes, two APIs, three workers and two notifiers. Each fault is ``kill -9``, and the victim
starts again after a while. At the end the ledger of the chaos tests is printed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chaos.experiment import Experiment, Size
from chaos.faults import Fault, FaultKind, Target
from chaos.ledger.evidence import Breach
from chaos.ledger.verdict import Verdict
from chaos.scenario import explain
from chaos.small_disk import enter_namespace
from support.scenario_report import PromiseBroken, say

from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.processes.local_system import end_on_sigterm

ROOT = Path(__file__).resolve().parents[2]
NODES = 3
FIRST_SEC, EVERY_SEC = 5.0, 11.0
DOWN_SEC = 6.0
"""How long a victim stays away: longer than an election, and than a lease of a worker's job."""
SEED = 1


def kills() -> Iterator[Fault]:
    """Yield the faults in order of time: each server's node, then a process of each service.

    The nodes of the two servers take turns, so a node has caught up before the next one is killed.
    """
    victims = [
        victim
        for node in range(NODES)
        for victim in ((Target.MONGO_NODE, node), (Target.BROKER_NODE, node))
    ]
    services = [(Target.WORKER, 0), (Target.API, 0), (Target.NOTIFIER, 0), (Target.PRIMARY, 0)]
    for number, (target, node) in enumerate([*victims, *services]):
        at = FIRST_SEC + number * EVERY_SEC
        yield Fault(at, target, FaultKind.KILL, DOWN_SEC, 0.0, variant=node)


def main() -> int:
    """Run the test; return 0 if the promise was kept."""
    options = _options()
    try:
        enter_namespace(["-m", "cluster.scenario", *sys.argv[1:]])
    except ServerMissing as error:
        say(f"cluster: {error}")
        return 1
    end_on_sigterm()
    runs = ROOT / ".run"
    runs.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=runs))
    try:
        kept = _run(folder, options.jobs)
    except (ChildFailed, NotInTime, PromiseBroken, ServerMissing) as error:
        say(f"cluster: {type(error).__name__}: {error}")
        kept = False
    if kept and not options.keep:
        shutil.rmtree(folder)
    else:
        say(f"  logs: {folder.relative_to(ROOT)}")
    say(f"cluster: {'ok: the promise was kept' if kept else 'FAILED'}")
    return 0 if kept else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=800, help="how many are submitted")
    parser.add_argument("--keep", action="store_true", help="keep all logs")
    return parser.parse_args()


def _run(folder: Path, jobs: int) -> bool:
    faults = list(kills())
    seconds = faults[-1].at_sec + EVERY_SEC
    size = Size(jobs, seconds, flood_jobs=0)
    experiment = Experiment(SEED, size, folder, faults=faults, brokers=NODES)
    verdict = experiment.run()
    for line in ledger(verdict, faults):
        say(line)
    say(f"  took: {experiment.timing}")
    explain(verdict)
    return verdict.kept


def ledger(verdict: Verdict, faults: list[Fault]) -> Iterator[str]:
    """Yield the lines of the ledger."""
    yield "  killed (kill -9), each under load and started again:"
    for fault in faults:
        is_node = fault.target in (Target.MONGO_NODE, Target.BROKER_NODE)
        yield f"    {fault.target}{f' ({fault.variant + 1} of {NODES})' if is_node else ''}"
    yield "  ledger:"
    for breach in Breach:
        yield f"    {breach.value:<40} {verdict.count(breach)}"
    yield f"  {verdict.summary().split(' | ', 1)[1]}"


if __name__ == "__main__":
    sys.exit(main())
