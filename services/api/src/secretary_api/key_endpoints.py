"""The endpoints that follow the new jobs of an API key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from secretary_common.models import Endpoint, Job, JobEndpoints, Phase
from secretary_common.ports import EndpointRepository

CACHE_SEC = 5.0
"""Jobs submitted to another process may miss a change of endpoints for this long."""
_MOST_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class KeyEndpoints:
    """The endpoints of API keys, cached, so that a submission reads nothing for them."""

    endpoints: EndpointRepository
    _cached: dict[str, tuple[datetime, list[Endpoint]]] = field(default_factory=dict)

    async def mark(self, jobs: list[Job], owner: str, now: datetime) -> list[Job]:
        """Return the new jobs of *owner*, each with the endpoints that follow it."""
        known = await self._of(owner, now)
        return [_marked(job, known) for job in jobs] if known else jobs

    def forget(self, owner: str) -> None:
        """Read the endpoints of *owner* again at its next submission."""
        self._cached.pop(owner, None)

    async def _of(self, owner: str, now: datetime) -> list[Endpoint]:
        cached = self._cached.get(owner)
        if cached and abs(now - cached[0]) <= timedelta(seconds=CACHE_SEC):
            return cached[1]
        found = await self.endpoints.find(owner)
        if len(self._cached) >= _MOST_CACHED:
            self._cached.clear()
        self._cached[owner] = (now, found)
        return found


def _marked(job: Job, known: list[Endpoint]) -> Job:
    following = [one for one in known if one.follows(job.job_type, job.tags)]
    if not following:
        return job
    progress = any(one.wants(Phase.PROCESSING) for one in following)
    ids = sorted(one.endpoint_id for one in following)
    return job.model_copy(update={"endpoints": JobEndpoints(ids=ids, progress=progress)})
