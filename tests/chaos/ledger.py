"""What clients were told against what MongoDB, the handlers and the receiver hold."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chaos import account, commit, result, webhook
from chaos.evidence import Breach, Evidence, Violation
from chaos.recovery import Recovery


@dataclass(frozen=True, slots=True)
class Verdict:
    """A round, judged."""

    violations: Sequence[Violation]
    recoveries: Sequence[Recovery]
    recovery_bound_sec: float
    figures: str
    """What happened, in numbers."""

    @property
    def slow(self) -> list[Recovery]:
        """Recoveries beyond the bound."""
        return [one for one in self.recoveries if one.counted_sec > self.recovery_bound_sec]

    @property
    def kept(self) -> bool:
        """Whether the promise was."""
        return not self.violations and not self.slow

    def count(self, breach: Breach) -> int:
        """How many violations of one kind there are."""
        return sum(violation.breach is breach for violation in self.violations)

    def line(self) -> str:
        """The round in one line."""
        counts = ", ".join(f"{breach.value} {self.count(breach)}" for breach in Breach)
        return f"{counts} | {self.figures} | {self._recovery_line()}"

    def _recovery_line(self) -> str:
        if not self.recoveries:
            return "no job had to be recovered"
        counted = [one.counted_sec for one in self.recoveries]
        wall = max(one.seconds for one in self.recoveries)
        return (
            f"{len(counted)} recovered after p50 {statistics.median(counted):.1f} s, "
            f"max {max(counted):.1f} s (bound {self.recovery_bound_sec:.1f}; "
            f"with outages and full slots max {wall:.1f})"
        )


def judge(evidence: Evidence, recoveries: Sequence[Recovery], recovery_bound_sec: float) -> Verdict:
    """Hold the evidence against the promise."""
    checks = (account.check, commit.check, result.check, webhook.check)
    violations = [violation for check in checks for violation in check(evidence)]
    return Verdict(violations, recoveries, recovery_bound_sec, figures_of(evidence))


def figures_of(evidence: Evidence) -> str:
    """What happened, in numbers."""
    told = evidence.told
    states = Counter(job["status"] for job in evidence.jobs.values())
    ends = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    accepted = len({acceptance.job_id for acceptance in told.accepted})
    return (
        f"accepted {accepted} ({told.repeats} requests repeated, "
        f"{account.extra_jobs(evidence)} jobs by repeats) | {ends} | "
        f"{len(evidence.executions)} executions ({result.overlaps(evidence.executions)} at once) | "
        f"{len(evidence.hooks)} webhooks ({webhook.repeats(evidence.hooks)} again)"
    )
