"""``make cluster-test``: kill each node of MongoDB and RabbitMQ, and services, under load.

The system is that of ``make chaos`` with a cluster of three RabbitMQ nodes: a replica set of three
MongoDB nodes, two APIs, three workers and two notifiers. Each fault is ``kill -9``, and the victim
starts again after a while. At the end the ledger of the chaos tests is printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from chaos.experiment import Experiment, Size
from chaos.faults import Fault, FaultKind, Target
from chaos.one_experiment import run_one
from chaos.small_disk import enter_namespace
from support.scenario_report import say

from secretary_devstack.error import ServerMissing

NODES = 3
FIRST_SEC, EVERY_SEC = 5.0, 11.0
DOWN_SEC = 6.0
"""How long a victim stays away: longer than an election."""
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
    faults = list(kills())
    size = Size(options.jobs, faults[-1].at_sec + EVERY_SEC, flood_jobs=0)
    say("killed with kill -9, each under load and started again:")
    for fault in faults:
        is_node = fault.target in (Target.MONGO_NODE, Target.BROKER_NODE)
        say(f"  {fault.target}{f' ({fault.variant + 1} of {NODES})' if is_node else ''}")

    def experiment(folder: Path) -> Experiment:
        return Experiment(SEED, size, folder, faults=faults, brokers=NODES)

    return run_one("cluster", experiment, keep=options.keep)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=800, help="how many are submitted")
    parser.add_argument("--keep", action="store_true", help="keep all logs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
