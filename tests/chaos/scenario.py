"""``make chaos``: jobs through real processes while everything is killed, stopped and cut.

Each seed is a round of its own with fresh servers. At its end a ledger holds what clients were told
against what MongoDB, the handlers and the webhook receiver have. The seed repeats jobs and faults;
the timing is the machine's.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from chaos.ledger import Verdict
from chaos.report import PromiseBroken, say
from chaos.round import Round, Size

from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.processes.local_system import end_on_sigterm

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130
SHOWN = 20
"""Violations of a round that are printed; all are in its folder."""


def main() -> int:
    """Play all rounds; 0 if the promise was kept in each."""
    end_on_sigterm()
    options = _options()
    seeds = range(options.seed, options.seed + options.seeds)
    size = Size(options.jobs, options.minutes * 60)
    try:
        failed = [seed for seed in seeds if not _play(seed, size, keep=options.keep)]
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
    parser.add_argument("--seeds", type=int, default=5, help="how many rounds")
    parser.add_argument("--seed", type=int, default=1, help="the first round's")
    parser.add_argument("--jobs", type=int, default=2000, help="a round")
    parser.add_argument("--minutes", type=float, default=2.0, help="of faults a round")
    parser.add_argument("--keep", action="store_true", help="keep the logs of good rounds too")
    return parser.parse_args()


def _play(seed: int, size: Size, *, keep: bool) -> bool:
    runs = ROOT / ".run"
    runs.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-", dir=runs))
    kept = False
    try:
        kept = _judged(seed, Round(seed, size, folder))
    except (ChildFailed, NotInTime, PromiseBroken, ServerMissing) as error:
        say(f"seed {seed}: {type(error).__name__}: {error}")
    except KeyboardInterrupt:
        keep, kept = False, True  # nobody asked for the logs
        raise
    finally:
        if kept and not keep:
            shutil.rmtree(folder)
        else:
            say(f"  logs: {folder.relative_to(ROOT)}")
    return kept


def _judged(seed: int, one: Round) -> bool:
    verdict = one.play()
    say(f"seed {seed}: {verdict.line()} | {one.course}")
    if not verdict.kept:
        _explain(verdict)
    return verdict.kept


def _explain(verdict: Verdict) -> None:
    for violation in verdict.violations[:SHOWN]:
        say(f"  {violation.breach}: {violation.subject}: {violation.what}")
    if len(verdict.violations) > SHOWN:
        say(f"  and {len(verdict.violations) - SHOWN} more")
    for one in verdict.slow[:SHOWN]:
        waited = f"{one.counted_sec:.1f} s ({one.seconds:.1f} by the clock)"
        say(f"  recovered late: {one.job_id} after attempt {one.attempt}: {waited}")


def _names(seeds: range) -> str:
    return f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"


if __name__ == "__main__":
    sys.exit(main())
