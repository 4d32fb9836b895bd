"""``make compose-test``: test docker-compose.yml with real containers.

It builds the images, starts the previous commit, upgrades it under load and goes back, uses the
system as the README says, and looks into the containers. Then it kills containers, and stops
RabbitMQ and MongoDB for four minutes each, under load. It prints a ledger for each of these. It has
its own project, and removes its containers, networks and volumes. It exits with 0 only if every
promise was kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from compose.beside import run_beside_an_application
from compose.faults import kill_containers, stop_server
from compose.image import build
from compose.locks import check_locks, check_refusals, check_sandbox, check_users
from compose.project import CommandFailed, Project
from compose.services import bring_up, check_health_and_end, measure_starts
from compose.upgrade import OLD_TAG, unpack, upgrade
from compose.usage import use_as_the_readme_says, use_the_rest
from compose.workers import drain_a_worker, restart_the_broker, share_the_work
from support.scenario_report import PromiseBroken, say

from secretary_devstack.error import NotInTime
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.local_system import end_on_sigterm
from secretary_devstack.servers.port import free_port

SETTINGS = {
    "SECRETARY_API__PUBLIC_URL": "http://secretary-api:5001",
    "SECRETARY_SECURITY__ALLOW_HOSTS": '["app:8000"]',
    "SECRETARY_SECURITY__ALLOW_NETWORKS": '["198.51.100.0/24"]',
}


def show_logs(project: Project) -> None:
    """Print the last log lines of every container, to analyse a failure."""
    sys.stdout.write(project.compose("logs", "--no-color", "--tail", "30"))


def start(project: Project, folder: Path, revision: str) -> None:
    """Start the system: as an upgrade from *revision*, or at once if it is empty."""
    build(project)
    if not revision:
        bring_up(project)
        return
    earlier = folder / "earlier"
    say(f"the earlier version: {unpack(revision, earlier)}")
    old = Project(folder, port=project.port, settings=SETTINGS, root=earlier, tag=OLD_TAG)
    upgrade(old, project)


def exercise(project: Project, folder: Path, options: argparse.Namespace) -> None:
    """Run every step in order.

    Raises:
        PromiseBroken, CommandFailed, NotInTime: a step failed.
    """
    start(project, folder, options.earlier)
    check_locks(project)
    check_users(project)
    check_sandbox(project)
    use_as_the_readme_says(project)
    key = project.secrets["SECRETARY_API__BOOTSTRAP_KEY"]
    with JobClient(project.url, key) as client:
        use_the_rest(project, client)
        share_the_work(project, client)
        drain_a_worker(project, client)
        restart_the_broker(project, client)
    run_beside_an_application(project)
    measure_starts(project)
    kill_containers(project, key)
    for server in ("rabbitmq", "mongo"):
        stop_server(project, key, server, options.outage_sec)
    check_refusals(project)
    check_health_and_end(project)


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Test docker-compose.yml with real containers.")
    parser.add_argument("--earlier", default="HEAD~1", help="upgrade from this commit; empty: none")
    parser.add_argument("--outage-sec", type=float, default=240.0, help="how long a server is away")
    return parser.parse_args(arguments)


def main() -> int:
    """Run the scenario; return the exit status."""
    end_on_sigterm()
    options = parsed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = Project(folder, port=free_port(), settings=SETTINGS)
        say(f"project {project.name}")
        try:
            exercise(project, folder, options)
        except (PromiseBroken, CommandFailed, NotInTime) as error:
            show_logs(project)
            say(f"compose-test: FAILED: {error}")
            return 1
        finally:
            project.remove()
            say("removed: containers, networks, volumes")
    say("compose-test: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
