"""``make chaos``: run jobs while servers, services and networks fail.

Each seed is an experiment of its own with fresh servers. At its end a ledger compares the answers
that clients got with MongoDB, the handlers' log and the webhook receiver. A seed repeats the same
jobs and faults; the timing depends on the machine.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from chaos.experiment import Experiment, Size
from chaos.ledger.verdict import Verdict
from support.scenario_report import PromiseBroken, say

from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.processes.local_system import end_on_sigterm

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130
SHOWN = 20
"""How many violations of an experiment are printed; its folder has all."""


def main() -> int:
    """Run all experiments; return 0 if the promise was kept in each."""
    end_on_sigterm()
    options = _options()
    seeds = range(options.seed, options.seed + options.seeds)
    size = Size(options.jobs, options.minutes * 60)
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
    parser.add_argument("--minutes", type=float, default=2.0, help="of faults")
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
        _explain(verdict)
    return verdict.kept


def _explain(verdict: Verdict) -> None:
    for violation in verdict.violations[:SHOWN]:
        say(f"  {violation.breach}: {violation.subject}: {violation.message}")
    if len(verdict.violations) > SHOWN:
        say(f"  and {len(verdict.violations) - SHOWN} more")
    for one in verdict.slow[:SHOWN]:
        waited = f"{one.counted_sec:.1f} s ({one.seconds:.1f} s in all)"
        say(f"  recovered late: {one.job_id} after attempt {one.attempt}: {waited}")


def _names(seeds: range) -> str:
    return f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"


if __name__ == "__main__":
    sys.exit(main())
