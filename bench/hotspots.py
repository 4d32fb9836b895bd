"""Where each service spends its CPU time, by samples of py-spy during bursts.

py-spy is not a part of the project: install it (``pip install py-spy``), and run the bench as root,
because the services hide their memory from other processes. Compiled code counts for the function
that called it. The event loops' own compiled code, which waits and reads sockets, does not count:
py-spy takes a waiting loop for a working one.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import results
from harness.load import request_of, submit
from harness.receiver import Receivers
from harness.results import Record
from harness.secretary import Secretary
from harness.turns import running, say

from secretary_devstack.error import ServerMissing

RATE = 100
BURST = 500
MOST_PACKAGES, MOST_CALLS = 6, 8
_FRAME = re.compile(r"(?P<name>.+) \((?P<file>.+?):\d+\)$")
_OWN = "secretary_"
# The functions through which everything passes.
_PLUMBING = re.compile(r"/(main|supervisor|marks|resilient_loop|event_loop|handler_loop|mailbox)\.")
# Threads that wait for work, or are in the code of an event loop.
_WAITING = re.compile(
    r"[\w.]*(?:wait \(threading|select \(selectors|_worker \(concurrent|get \(queue"
    r"|run \(asyncio/runners|run \(uvicorn|serve \(uvicorn)"
)
_SAMPLES = re.compile(r"(?P<stack>.+) (?P<count>\d+)$")

Stack = tuple[tuple[str, ...], int]
"""The frames of a sampled stack, the outermost first, and the number of its samples."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--py-spy", default="py-spy", help="the program")
    parser.add_argument("--seconds", type=int, default=12, help="of each kind of job")


def measure(options: argparse.Namespace) -> Record:
    """Sample API and worker during bursts of jobs, and the notifier during jobs with webhooks.

    Raises:
        ServerMissing: py-spy is not installed.
    """
    program = shutil.which(options.py_spy)
    if program is None:
        raise ServerMissing("no py-spy: run `pip install py-spy`, and give its path by --py-spy")
    records: list[Record] = []
    with Receivers(4) as receivers, running(_system, lock=options.lock) as system:
        for services, webhook in ((("api", "worker"), ""), (("notifier",), receivers.url(0))):
            _bursts(system, 1, webhook)  # warms the services up
            files = {name: system.folder / f"{name}.stacks" for name in services}
            spies = [
                _spy(program, system.processes()[name][0], file, options.seconds)
                for name, file in files.items()
            ]
            _bursts(system, options.seconds, webhook)
            for spy in spies:
                spy.wait()
            records += [_record(name, list(_stacks(file))) for name, file in files.items()]
    return {"records": records}


def _system(folder: Path) -> Secretary:
    return Secretary(folder, notifiers=1)


def _spy(program: str, pid: int, file: Path, seconds: int) -> subprocess.Popen[bytes]:
    command = [program, "record", "--pid", str(pid), "--rate", str(RATE), "--format", "raw"]
    # Without ``--nonblocking`` the service stands still while py-spy waits for a CPU, and py-spy
    # then counts one stack again and again.
    more = ["--nonblocking", "--duration", str(seconds), "--output", str(file)]
    return subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL)  # noqa: S603 - no shell; the person at the bench names py-spy


def _bursts(system: Secretary, seconds: int, webhook: str) -> None:
    parameters: dict[str, Any] = {"text": "a" * 50}
    if webhook:
        parameters["webhook"] = {"url": webhook, "progress": False}
    body = {"job_type": system.job_type, "parameters": parameters}
    request = request_of(system.url, system.headers, body)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done = asyncio.run(submit(system.url, request, BURST, connections=32))
        system.await_end(done.job_ids)


def _stacks(file: Path) -> Iterator[Stack]:
    """Yield the stacks of threads that used a CPU."""
    for line in file.read_text().splitlines():
        found = _SAMPLES.match(line)
        frames = tuple(found["stack"].split(";")) if found else ()
        if found and not _WAITING.match(frames[-1]):
            yield frames, int(found["count"])


def _record(service: str, stacks: Iterable[Stack]) -> Record:
    """Return the shares of packages, by the innermost frame, and of calls with all they call."""
    packages: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for frames, count in stacks:
        packages[_package(frames[-1])] += count
        for call in {_call(frame) for frame in frames}:
            calls[call] += count
    del calls[""]
    total = packages.total() or 1
    say(f"{service}: {total} samples")
    return {
        "service": service,
        "samples": total,
        "packages": _shares(packages, total, MOST_PACKAGES),
        "calls": _shares(calls, total, MOST_CALLS),
    }


def _shares(counts: Counter[str], total: int, most: int) -> dict[str, float]:
    return {name: count / total for name, count in counts.most_common(most)}


def _package(frame: str) -> str:
    """Return the package of a frame: of this project with its folder, of others the name."""
    found = _FRAME.match(frame)
    folders = found["file"].split("/") if found else [frame]
    return "/".join(folders[:2] if folders[0].startswith(_OWN) else folders[:1])


def _call(frame: str) -> str:
    """Return a function of this project, without its line; "" for others and for plumbing."""
    found = _FRAME.match(frame)
    if not found or not found["file"].startswith(_OWN) or _PLUMBING.search(found["file"]):
        return ""
    return f"{found['name']} ({found['file'].removeprefix(_OWN)})"


def tables(found: Record) -> str:
    """Return two tables: packages, and calls of this project with all that they call."""
    head = ("service", "package of the innermost frame", "share")
    more = ("service", "call, with all that it calls", "share")
    packages, calls = (_rows(found["records"], key) for key in ("packages", "calls"))
    return f"{results.table(head, packages)}\n\n{results.table(more, calls)}"


def _rows(records: Iterable[Record], key: str) -> list[list[str]]:
    return [
        [one["service"], f"`{name}`", f"{share:.0%}"]
        for one in records
        for name, share in one[key].items()
    ]


def pictures(_found: Mapping[str, Any]) -> dict[str, str]:
    """Return no picture: the tables say everything."""
    return {}
