"""Endpoints: receivers that a client registers once for the events of many jobs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from secretary_common.models.states import Phase
from secretary_common.models.value import SealedSecret, Value

ENDPOINT_MARK = "_ep-"
"""Divides the job id from the rest of an endpoint's id in an order key."""
ENDS = (Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED)
"""The events that an endpoint gets by default."""


class EndpointKind(StrEnum):
    """What an endpoint gets."""

    JOBS = "jobs"
    OPERATOR = "operator"
    """Faults of the system; only an admin's key may have such an endpoint."""


class Endpoint(Value):
    """A receiver of the events of its owner's jobs; its secrets are encrypted."""

    endpoint_id: str
    owner: str
    """The id of the API key whose jobs it follows."""
    url: str
    kind: EndpointKind = EndpointKind.JOBS
    events: list[str] = Field(default_factory=lambda: [phase.value for phase in ENDS])
    """The phases of the events that it gets, or kinds of faults. A newer version may know more."""
    job_types: list[str] | None = None
    """It follows only jobs of these types; None: of every type."""
    tags: list[str] | None = None
    """It follows only jobs with one of these tags; None: every job."""
    enabled: bool = True
    secret: SealedSecret | None = None
    older_secret: SealedSecret | None = None
    """The secret before the last rotation, which signs too until ``older_until``.

    None: the endpoint had none of its own, so the service's secrets sign too.
    """
    older_until: datetime | None = None
    headers: dict[str, SealedSecret] | None = None
    created_at: datetime
    updated_at: datetime

    def follows(self, job_type: str, tags: list[str]) -> bool:
        """Return whether it gets the events of a job of *job_type* with *tags*."""
        if self.kind is not EndpointKind.JOBS:
            return False
        right_type = self.job_types is None or job_type in self.job_types
        return right_type and (self.tags is None or bool(set(self.tags) & set(tags)))

    def wants(self, phase: Phase) -> bool:
        """Return whether it gets events of *phase*."""
        return phase.value in self.events

    def older_secret_at(self, now: datetime) -> SealedSecret | None:
        """Return the secret that signs at *now* besides ``secret``."""
        return self.older_secret if self.overlaps(now) else None

    def service_signs_at(self, now: datetime) -> bool:
        """Return whether the service's secrets sign at *now* besides ``secret``.

        They do after the first rotation of an endpoint that had no secret of its own before.
        """
        return self.older_secret is None and self.overlaps(now)

    def overlaps(self, now: datetime) -> bool:
        """Return whether the secret before the last rotation signs too at *now*."""
        return self.older_until is not None and now < self.older_until


def order_key_of(job_id: str, endpoint_id: str | None) -> str:
    """Return the key under which events go out one after the other.

    A job's own webhook has the key *job_id*, and each endpoint has a key of its own for each job.
    """
    return job_id if endpoint_id is None else f"{job_id}_{endpoint_id}"


def job_id_in(order_key: str) -> str:
    """Return the job id in *order_key*."""
    return order_key.partition(ENDPOINT_MARK)[0]
