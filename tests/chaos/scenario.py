"""``make chaos``: run jobs while servers, services and networks fail.

Each seed is an experiment of its own with fresh servers. At its end a ledger compares the answers
that clients got with MongoDB, the handlers' log and the webhook receiver. A seed repeats the same
jobs and faults; the timing depends on the machine.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from chaos.experiment import Experiment, Size
from chaos.ledger.evidence import Violation
from chaos.ledger.verdict import Verdict
from chaos.small_disk import enter_namespace
from support.scenario_report import PromiseBroken, say

from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.processes.local_system import end_on_sigterm

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130
SHORT_MINUTES, LONG_MINUTES = 2.0, 9.0
SHOWN = 20
"""How many kinds of violations of an experiment are printed; its folder has all."""
_IDS = re.compile(r"\b(?:job|batch|file|msg)[-_][\w-]*+|\(pid \d++\)")


def main() -> int:
    """Run all experiments; return 0 if the promise was kept in each."""
    options = _options()
    try:
        enter_namespace(["-m", "chaos.scenario", *sys.argv[1:]])
    except ServerMissing as error:
        say(f"chaos: {error}")
        return 1
    end_on_sigterm()
    seeds = range(options.seed, options.seed + options.seeds)
    minutes = options.minutes or (LONG_MINUTES if options.long else SHORT_MINUTES)
    size = Size(options.jobs, minutes * 60, options.long, options.without)
    try:
        failed = [seed for seed in seeds if not _is_kept(seed, size, keep=options.keep)]
    except KeyboardInterrupt:
        say("chaos: interrupted")
        return INTERRUPTED
    if failed:
        say(f"chaos: FAILED: seed {', '.join(map(str, failed))} of {_names(seeds)}")
        return 1
    say(f"chaos: ok: {_names(seeds)}, {size.jobs} jobs each: the promise was kept")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many experiments")
    parser.add_argument("--seed", type=int, default=1, help="of the first experiment")
    parser.add_argument("--jobs", type=int, default=2000, help="of an experiment")
    parser.add_argument("--minutes", type=float, help="of faults")
    parser.add_argument("--long", action="store_true", help="outages as long as in the field")
    parser.add_argument(
        "--without", action="append", default=[], help="leave out faults with this text in the name"
    )
    parser.add_argument("--keep", action="store_true", help="keep all logs")
    return parser.parse_args()


def _is_kept(seed: int, size: Size, *, keep: bool) -> bool:
    runs = ROOT / ".run"
    runs.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-", dir=runs))
    kept = False
    try:
        kept = _run(seed, Experiment(seed, size, folder))
    except (ChildFailed, NotInTime, PromiseBroken, ServerMissing) as error:
        say(f"seed {seed}: {type(error).__name__}: {error}")
    except KeyboardInterrupt:
        keep, kept = False, True  # remove the logs
        raise
    finally:
        if kept and not keep:
            shutil.rmtree(folder)
        else:
            say(f"  logs: {folder.relative_to(ROOT)}")
    return kept


def _run(seed: int, experiment: Experiment) -> bool:
    verdict = experiment.run()
    say(f"seed {seed}: {verdict.summary()} | {experiment.timing}")
    if not verdict.kept:
        explain(verdict)
    return verdict.kept


def explain(verdict: Verdict) -> None:
    """Print the violations, the slow recoveries and the late starts."""
    alike: defaultdict[tuple[str, str], list[Violation]] = defaultdict(list)
    for violation in verdict.violations:
        alike[violation.breach, _IDS.sub("…", violation.message)].append(violation)
    for (breach, _), found in list(alike.items())[:SHOWN]:
        more = f" (and {len(found) - 1} like it)" if len(found) > 1 else ""
        say(f"  {breach}: {found[0].subject}: {found[0].message}{more}")
    if len(alike) > SHOWN:
        say(f"  and {len(alike) - SHOWN} kinds more")
    for one in verdict.slow[:SHOWN]:
        waited = f"{one.counted_sec:.1f} s ({one.seconds:.1f} s in all)"
        say(f"  recovered late: {one.job_id} after attempt {one.attempt}: {waited}")
    for start in verdict.flood.late[:SHOWN] if verdict.flood else ():
        waited = f"{start.counted_sec:.1f} s ({start.seconds:.1f} s in all)"
        say(f"  started late beside the flood: {start.job_id}: {waited}")


def _names(seeds: range) -> str:
    return f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"


if __name__ == "__main__":
    sys.exit(main())
