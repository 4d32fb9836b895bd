"""``make corpus PDF_CORPUS=folder``: read every PDF of a folder with the real system.

With ``--samples`` it reads a sample of each format of a ``document`` job, and damaged copies.
It prints how the jobs ended and how much memory the worker used. It fails if the worker died, a job
did not end, or a process or a temporary file remained. It does not change the folder.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from corpus.mutation import mutated, mutated_inside
from corpus.process_monitor import ProcessMonitor, children_of
from support.format_samples import SAMPLES
from support.handler_harness import child_pids
from support.old_office_samples import NEWER, old_sample
from support.scenario_report import say

from secretary_devstack.deadline import wait_until
from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.local_system import end_on_sigterm
from secretary_devstack.processes.stack import Servers, Stack

JOB_SEC = 120.0
"""How long a job may take on average before the scenario gives up."""
_MIB = 2**20
_USUAL = (
    *("PDF_INVALID", "PDF_PASSWORD_REQUIRED", "DOCUMENT_INVALID", "DOCUMENT_ENCRYPTED"),
    *("DOCUMENT_TOO_LARGE", "UNSUPPORTED_MEDIA"),
)
"""Jobs with these errors are not listed one by one."""
_SLOWEST = 5
_PARTS = {"chunks": {}, "pictures": {"min_points": 20}, "annotations": True}
_CHILDREN_END_SEC = 5.0

Job = dict[str, Any]


def main() -> int:
    """Run the scenario; return 0 if no fault was found."""
    end_on_sigterm()
    options = _options()
    with tempfile.TemporaryDirectory(prefix="secretary-corpus-") as name:
        root = Path(name)
        if options.samples:
            options.folder = _written_samples(root / "samples")
        files = sorted(options.folder.rglob("*" if options.samples else "*.pdf"))
        files += list(_mutations(files, root / "mutated", options))
        say(f"{len(files)} files, {options.mutations} of them damaged copies; {options.method}")
        try:
            faults = _run(root, options, files)
        except (ChildFailed, NotInTime, ServerMissing) as error:
            faults = [str(error)]
    for fault in faults:
        say(f"FAILED: {fault}")
    if not faults:
        say("corpus: ok")
    return 1 if faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="every *.pdf under it is read")
    parser.add_argument(
        "--samples", action="store_true", help="read a sample of each format instead of a folder"
    )
    parser.add_argument("--method", default="combined", help="the extraction_method")
    parser.add_argument("--output", default="markdown", help="one output, or several with commas")
    parser.add_argument("--parts", action="store_true", help="add chunks, pictures, annotations")
    parser.add_argument("--page-end", type=int, default=20, help="of each file")
    parser.add_argument("--mutations", type=int, default=0, help="how many damaged copies to add")
    parser.add_argument("--seed", type=int, default=1, help="of the random damage")
    options = parser.parse_args()
    if options.samples:
        return options
    if options.folder is None or not options.folder.is_dir():
        parser.error(f"PDF_CORPUS: {options.folder} is not a folder")
    options.folder = options.folder.resolve()
    return options


def _written_samples(folder: Path) -> Path:
    folder.mkdir()
    for name, make in SAMPLES.items():
        (folder / f"sample.{name}").write_bytes(make())
    for name in NEWER:
        (folder / f"sample.{name}").write_bytes(old_sample(name))
    return folder


def _mutations(files: list[Path], folder: Path, options: argparse.Namespace) -> Iterator[Path]:
    folder.mkdir()
    random = Random(options.seed)
    damage = mutated_inside if options.samples else mutated
    for number in range(options.mutations if files else 0):
        # In turns, so that each format is damaged as often as the others.
        file = files[number % len(files)] if options.samples else random.choice(files)
        path = folder / f"{number:05}{file.suffix}"
        path.write_bytes(damage(file.read_bytes(), random))
        yield path


def _run(root: Path, options: argparse.Namespace, files: list[Path]) -> list[str]:
    temporary = root / "tmp"
    temporary.mkdir()
    os.environ["TMPDIR"] = str(temporary)  # the worker inherits it
    with Servers(root / "servers") as servers:
        stack = Stack(
            root / "services",
            mongo_url=servers.mongo.url,
            amqp_url=servers.amqp_url,
            roots=[options.folder, root / "mutated"],
            settings={"pdf.page_sec": 20},
        )
        with stack, stack.client() as client:
            [worker] = stack.workers
            with ProcessMonitor(worker.child.pid) as monitor:
                started = time.monotonic()
                jobs = _run_jobs(client, options, files)
                took = time.monotonic() - started
            _print_summary(jobs, monitor, took)
            return list(_faults(jobs, worker.child.pid, temporary, alive=worker.running))


def _run_jobs(client: JobClient, options: argparse.Namespace, files: Iterable[Path]) -> list[Job]:
    names = {}
    job_type = "document" if options.samples else "pdf"
    for file in files:
        parameters = {
            "filename": str(file),
            "extraction_method": options.method,
            "output": options.output.split(",") if "," in options.output else options.output,
            **(_PARTS if options.parts else {}),
            "page_end": options.page_end,
            "use_cache": False,
        }
        names[client.submit(job_type, parameters, max_attempts=1)] = file.name

    def ended() -> bool:
        return not any(_listed(client, status=state) for state in ("pending", "processing"))

    wait_until(ended, timeout_sec=JOB_SEC * len(names), what="the end of all jobs", every_sec=1.0)
    return [{**job, "file": names[job["job_id"]]} for job in _all(client)]


def _listed(client: JobClient, **query: Any) -> list[Job]:
    answer = client.http.get("/api/jobs/", params={"limit": 1, **query}).raise_for_status()
    jobs: list[Job] = answer.json()["data"]["jobs"]
    return jobs


def _all(client: JobClient) -> Iterator[Job]:
    query: dict[str, Any] = {"limit": 250}
    while True:
        answer = client.http.get("/api/jobs/", params=query).raise_for_status()
        data = answer.json()["data"]
        yield from data["jobs"]
        if not data["next"]:
            return
        query["cursor"] = data["next"]


def _print_summary(jobs: list[Job], monitor: ProcessMonitor, took: float) -> None:
    say(f"{len(jobs)} jobs in {took:.0f} s")
    for outcome, count in Counter(map(_outcome, jobs)).most_common():
        say(f"  {count:6} {outcome}")
    slowest = sorted(jobs, key=_seconds, reverse=True)[:_SLOWEST]
    say("slowest: " + ", ".join(f"{job['file']} {_seconds(job):.1f} s" for job in slowest))
    tenth = max(1, len(monitor.samples) // 10)
    marks = monitor.samples[tenth - 1 :: tenth]
    say(f"worker, MiB over time: {' '.join(str(sample // _MIB) for sample in marks)}")
    say(
        f"largest child {monitor.largest_child // _MIB} MiB, "
        f"at most {monitor.most_children} children at a time"
    )
    for job in jobs:
        if job["error"] and _outcome(job) not in _USUAL:
            say(f"  {job['file']}: {job['error']['code']} {job['error']['message']}")


def _outcome(job: Job) -> str:
    return str(job["error"]["code"] if job["error"] else job["status"])


def _seconds(job: Job) -> float:
    started, ended = job["processing_started_at"], job["completed_at"]
    return _moment(ended) - _moment(started) if started and ended else 0.0


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _faults(jobs: list[Job], worker: int, temporary: Path, *, alive: bool) -> Iterator[str]:
    if not alive:
        yield "the worker died"
    if lost := [job["file"] for job in jobs if _outcome(job) == "WORKER_LOST"]:
        yield f"jobs whose worker was lost: {lost}"
    if open_jobs := [job["file"] for job in jobs if job["status"] in ("pending", "processing")]:
        yield f"jobs that did not end: {open_jobs}"

    def children_ended() -> bool:
        # The first process of a namespace lives as long as its zygote.
        return not any(child_pids(zygote) for zygote in children_of(worker))

    try:
        wait_until(children_ended, timeout_sec=_CHILDREN_END_SEC, what="the end of all children")
    except NotInTime as error:
        yield str(error)
    if left := [path.name for path in temporary.iterdir()]:
        yield f"temporary files remained: {left}"


if __name__ == "__main__":
    sys.exit(main())
