"""How the API keys take turns within a priority. Pure rules."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

from secretary_common.models import Candidate


def next_owners(owners: Sequence[str], last: str, count: int) -> list[str]:
    """Return the *count* of sorted *owners* that come after *last*, in a circle."""
    start = bisect_right(owners, last)
    return [*owners[start:], *owners[:start]][:count]


def round_robin(candidates: Iterable[Candidate], owners: Sequence[str]) -> list[Candidate]:
    """Return *candidates* ordered so that *owners* take turns. Each owner's own order is kept."""
    by_owner: defaultdict[str, deque[Candidate]] = defaultdict(deque)
    for candidate in candidates:
        by_owner[candidate.owner].append(candidate)
    queues = deque(by_owner[owner] for owner in owners if by_owner[owner])
    ordered = []
    while queues:
        queue = queues.popleft()
        ordered.append(queue.popleft())
        if queue:
            queues.append(queue)
    return ordered


def within_room(candidates: Iterable[Candidate], room: Mapping[str, int]) -> list[Candidate]:
    """Return the first *candidates* of each owner, as many as *room* says, if it does."""
    taken: Counter[str] = Counter()
    kept = []
    for candidate in candidates:
        taken[candidate.owner] += 1
        if taken[candidate.owner] <= room.get(candidate.owner, taken[candidate.owner]):
            kept.append(candidate)
    return kept
