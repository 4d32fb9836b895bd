"""Runs one experiment with chosen faults, and prints its ledger."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from chaos.experiment import Experiment
from chaos.ledger.evidence import Breach
from chaos.ledger.verdict import Verdict
from chaos.scenario import explain
from support.scenario_report import PromiseBroken, say

from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.processes.local_system import end_on_sigterm

ROOT = Path(__file__).resolve().parents[2]


def run_one(name: str, make: Callable[[Path], Experiment], *, keep: bool) -> int:
    """Run the experiment that *make* plans in a folder; return 0 if the promise was kept.

    The folder is removed afterwards, unless the promise was broken or *keep* is set.
    """
    end_on_sigterm()
    runs = ROOT / ".run"
    runs.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=runs))
    try:
        kept = _run(make(folder))
    except (ChildFailed, NotInTime, PromiseBroken, ServerMissing) as error:
        say(f"{name}: {type(error).__name__}: {error}")
        kept = False
    if kept and not keep:
        shutil.rmtree(folder)
    else:
        say(f"  logs: {folder.relative_to(ROOT)}")
    say(f"{name}: {'ok: the promise was kept' if kept else 'FAILED'}")
    return 0 if kept else 1


def _run(experiment: Experiment) -> bool:
    verdict = experiment.run()
    for line in ledger(verdict):
        say(line)
    say(f"  took: {experiment.timing}")
    explain(verdict)
    return verdict.kept


def ledger(verdict: Verdict) -> Iterator[str]:
    """Yield the lines of the ledger."""
    yield "  ledger:"
    for breach in Breach:
        yield f"    {breach.value:<40} {verdict.count(breach)}"
    yield f"  {verdict.summary().split(' | ', 1)[1]}"
