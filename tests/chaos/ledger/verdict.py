"""The verdict: compares the clients' answers with MongoDB, the handlers and the receiver."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.ledger import acceptance, commits, odd_documents, results, webhooks
from chaos.ledger.evidence import Breach, Evidence, Violation
from chaos.ledger.recovery import Recovery
from chaos.ledger.starts import START_BOUND_SEC, Flood


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict about one experiment."""

    violations: Sequence[Violation]
    recoveries: Sequence[Recovery]
    recovery_bound_sec: float
    figures: str
    """Counts of what happened."""
    flood: Flood | None = None

    @property
    def slow(self) -> list[Recovery]:
        """The recoveries that took longer than the bound."""
        return [one for one in self.recoveries if one.counted_sec > self.recovery_bound_sec]

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        flood_held = self.flood is None or self.flood.is_held
        return not self.violations and not self.slow and flood_held

    def count(self, breach: Breach) -> int:
        """Return how many violations are of one kind."""
        return sum(violation.breach is breach for violation in self.violations)

    def summary(self) -> str:
        """Return the verdict in one line."""
        counts = ", ".join(f"{breach.value} {self.count(breach)}" for breach in Breach)
        return f"{counts} | {self.figures} | {self._recovery_line()}{self._flood_line()}"

    def _flood_line(self) -> str:
        if not self.flood or not self.flood.starts:
            return ""
        counted = _median_and_max([one.counted_sec for one in self.flood.starts])
        wall = _median_and_max([one.seconds for one in self.flood.starts])
        return (
            f" | flood: {self.flood.most} at once, bound {self.flood.allowed}; "
            f"{len(self.flood.starts)} starts beside it after {counted}, bound "
            f"{START_BOUND_SEC:.1f} s (outages and backlogs included: {wall})"
        )

    def _recovery_line(self) -> str:
        if not self.recoveries:
            return "no job had to be recovered"
        counted = _median_and_max([one.counted_sec for one in self.recoveries])
        wall = _median_and_max([one.seconds for one in self.recoveries])
        return (
            f"{len(self.recoveries)} recovered after {counted}, bound "
            f"{self.recovery_bound_sec:.1f} s (outages and full slots included: {wall})"
        )


def _median_and_max(seconds: Sequence[float]) -> str:
    return f"p50 {statistics.median(seconds):.1f} s, max {max(seconds):.1f} s"


def judge(
    evidence: Evidence,
    recoveries: Sequence[Recovery],
    recovery_bound_sec: float,
    *,
    flood: Flood | None = None,
) -> Verdict:
    """Check the evidence against the promise."""
    checks = (
        acceptance.check,
        commits.check,
        results.check,
        webhooks.check,
        odd_documents.check,
    )
    violations = [violation for check in checks for violation in check(evidence)]
    return Verdict(violations, recoveries, recovery_bound_sec, figures_of(evidence), flood)


def figures_of(evidence: Evidence) -> str:
    """Return counts of what happened."""
    answers = evidence.answers
    states = Counter(job["status"] for job in evidence.jobs.values())
    ends = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    accepted = len({one.job_id for one in answers.accepted})
    return (
        f"accepted {accepted} ({answers.repeats} requests repeated, "
        f"{acceptance.extra_jobs(evidence)} jobs by repeats) | {ends} | "
        f"{len(evidence.executions)} executions "
        f"({results.overlaps(evidence.executions)} at once) | "
        f"{len(evidence.webhooks)} webhooks ({webhooks.repeats(evidence.webhooks)} again)"
    )
