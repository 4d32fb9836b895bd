"""Which waiting job a worker takes next: a batch of candidates in the order of design §2."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

from secretary_common.models import Candidate

BATCH_SIZE = 200
OLDEST_SEC = 1.0


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """By priority; within a priority the API keys take turns; within a key by ``run_at``."""
    by_priority: defaultdict[int, defaultdict[str, deque[Candidate]]] = defaultdict(
        lambda: defaultdict(deque)
    )
    for candidate in sorted(candidates, key=lambda one: one.run_at):
        by_priority[candidate.priority][candidate.owner].append(candidate)
    return [
        candidate
        for priority in sorted(by_priority, reverse=True)
        for candidate in _taking_turns(deque(by_priority[priority].values()))
    ]


def _taking_turns(queues: deque[deque[Candidate]]) -> Iterable[Candidate]:
    while queues:
        queue = queues.popleft()
        yield queue.popleft()
        if queue:
            queues.append(queue)


class Batch:
    """Candidates read at one moment, taken from the head while they are fresh."""

    def __init__(self, candidates: Iterable[Candidate] = (), read_at: float = 0.0) -> None:
        """*read_at*: monotonic time of the read, in seconds."""
        self._waiting = in_order(candidates)
        self._read_at = read_at

    def __len__(self) -> int:
        return len(self._waiting)

    def is_stale(self, now: float) -> bool:
        """Whether it is too old to choose from at monotonic time *now*."""
        return now - self._read_at > OLDEST_SEC

    def take(self, skip: float = 0.0) -> Candidate | None:
        """The next candidate, or one further back of the same priority.

        Args:
            skip: 0 for the head; after a lost race a number in [0, 1) that says how far to skip
                ahead, so that workers racing for the same head part ways.
        """
        if not self._waiting:
            return None
        head = self._waiting[0].priority
        peers = next(
            (i for i, one in enumerate(self._waiting) if one.priority != head), len(self._waiting)
        )
        return self._waiting.pop(int(skip * peers))
