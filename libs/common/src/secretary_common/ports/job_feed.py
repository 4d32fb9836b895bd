"""The store interface of the feed of changed jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


class FeedPlace(NamedTuple):
    """A place in the feed. Places of one store are ordered."""

    seconds: int
    """Unix time."""
    number: int
    """Counts the changes of a second."""


@dataclass(frozen=True, slots=True)
class ChangedJobs:
    """Jobs that changed visibly, in the order of their last changes."""

    job_ids: tuple[str, ...]
    place: FeedPlace
    """A feed from this place has every later change; it may repeat earlier ones."""
    is_current: bool
    """Whether the store knew no later change when this group was read."""


class JobFeed(Protocol):
    """Names the jobs that change, of all owners, without a read of the jobs."""

    def place_at(self, moment: datetime) -> FeedPlace:
        """Return a place before every change after *moment*."""
        ...

    def changes(self, after: FeedPlace) -> AsyncIterator[ChangedJobs]:
        """Yield the changes from *after* on, in groups, without end.

        A group comes about twice a second, also if no job has changed. It names the jobs that are
        new, and those whose ``seq`` has changed.

        Raises:
            FeedLost: the store does not have all changes from *after* on.
            StoreUnavailable: the feed can be opened again at the last place.
        """
        ...
