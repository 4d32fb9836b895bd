"""The ledger of a load: what became of each accepted job, and of its webhook. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ENDED = frozenset({"completed", "failed", "cancelled"})
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The jobs that broke the promise, by the way in which they did."""

    accepted: int
    completed: int
    lost: list[str] = field(default_factory=list)
    """The API accepted them and does not know them any more."""
    failed: list[str] = field(default_factory=list)
    """They ended without a result, by what happened to services and servers."""
    twice: list[str] = field(default_factory=list)
    """More than one end was committed, or delivered."""
    stuck: list[str] = field(default_factory=list)
    """They have not ended."""
    missing: list[str] = field(default_factory=list)
    """They have ended, and their webhook did not arrive."""

    @property
    def is_clean(self) -> bool:
        """Whether the promise was kept for each job."""
        return not (self.lost or self.failed or self.twice or self.stuck or self.missing)

    def __str__(self) -> str:
        """Return one line with all figures."""
        return (
            f"accepted {self.accepted}, completed {self.completed}, lost {len(self.lost)}, "
            f"failed {len(self.failed)}, twice {len(self.twice)}, stuck {len(self.stuck)}, "
            f"webhooks missing {len(self.missing)}"
        )


def judge(
    accepted: Sequence[str],
    jobs: Mapping[str, JsonObject],
    commits: Sequence[str],
    webhooks: Sequence[tuple[str, str]],
) -> Ledger:
    """Return the ledger of the *accepted* jobs.

    Args:
        accepted: the ids that the API has answered.
        jobs: each job as the API shows it at the end, by id; a lost job is left out.
        commits: the job of each attempt that a worker has settled as completed.
        webhooks: the job and the webhook's own id for each terminal webhook that has arrived.
    """
    states = {job_id: jobs[job_id]["status"] for job_id in accepted if job_id in jobs}
    committed = Counter(commits)
    told = Counter(job_id for job_id, _ in set(webhooks))
    return Ledger(
        accepted=len(set(accepted)),
        completed=sum(state == "completed" for state in states.values()),
        lost=[one for one in accepted if one not in states],
        failed=[one for one, state in states.items() if state in ENDED - {"completed"}],
        twice=[one for one in states if committed[one] > 1 or told[one] > 1],
        stuck=[one for one, state in states.items() if state not in ENDED],
        missing=[one for one, state in states.items() if state in ENDED and not told[one]],
    )
