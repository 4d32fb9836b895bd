"""What traces cost: CPU a job without them, with the default share, and with each, in turns.

The collector is a thread of this process that answers 200, so its CPU does not count.
"""

from __future__ import annotations

import argparse
import functools

from burst import burst
from harness import results
from harness.results import Record
from harness.secretary import Secretary
from harness.turns import in_turns, running, say

from secretary_devstack.servers.receiver import Receiver

OFF, SHARE, EACH = "off", "share", "each"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--wait-ms", type=int, default=0, help="how long each handler waits")


def measure(options: argparse.Namespace) -> Record:
    """Measure bursts without traces, with the default share of traces, and with each, in turns."""
    records = []
    settings: dict[str, dict[str, object]]
    with Receiver() as collector:
        settings = {
            OFF: {},
            SHARE: {"tracing.endpoint": collector.url("")},
            EACH: {"tracing.endpoint": collector.url(""), "tracing.sample_ratio": 1.0},
        }
        for turn, name in in_turns(list(settings), options.turns):
            make = functools.partial(Secretary, slots=options.slots, settings=settings[name])
            with running(make, lock=options.lock) as system:
                found = burst(system, options, count_messages=False)
            records.append({"traces": name, "turn": turn, **found})
            say(f"turn {turn}  traces {name:5} CPU {found['cpu_ms_per_job_sum']:.3f} ms a job")
    return {"records": records}


def tables(found: Record) -> str:
    """Return the CPU of a job by process, with and without traces."""
    groups = results.grouped(found["records"], "traces")
    parts = ("api", "worker")
    rows = [
        [
            name,
            results.spread(records, "cpu_ms_per_job_sum", digits=3),
            *(f"{results.median(records, 'cpu_ms_per_job', part):.3f}" for part in parts),
        ]
        for (name,), records in groups.items()
    ]
    return results.table(("traces", "CPU ms a job", *parts), rows)


def pictures(_found: Record) -> dict[str, str]:
    """Return no pictures."""
    return {}
