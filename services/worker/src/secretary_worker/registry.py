"""Maps job types to handlers.

``register`` fills the registry of the process when handler packages are set up. The worker reads
it once, afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job, JobTypeInfo, JsonObject
from secretary_worker.attempt.repository import SecretaryJobRepository

Handler = Callable[[Job, SecretaryJobRepository, ResourceCalculator], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Registration:
    """A job type with its handler and the model of its parameters."""

    job_type: str
    handler: Handler
    params: type[BaseModel] | None = None
    timeout_sec: float | None = None

    def announcement(self) -> JobTypeInfo:
        """Return what the API needs to validate parameters of this type."""
        return JobTypeInfo(self.job_type, self.schema())

    def schema(self) -> JsonObject | None:
        """Return the JSON Schema of the parameters, or None if they have no model."""
        return _schema_of(self.params) if self.params else None


@functools.cache
def _schema_of(model: type[BaseModel]) -> JsonObject:
    return model.model_json_schema()


class Registry:
    """Handlers by job type."""

    def __init__(self) -> None:
        self._registrations: dict[str, Registration] = {}

    def add(self, registration: Registration) -> None:
        """Add *registration*; it replaces an earlier one for the same type.

        Raises:
            ValueError: the type's name is empty or longer than 100 characters.
            TypeError: the handler cannot be called.
        """
        if not 0 < len(registration.job_type) <= 100:  # noqa: PLR2004 - fits a queue's name
            raise ValueError("a job type has a name of 1 to 100 characters")
        if not callable(registration.handler):
            raise TypeError(f"the handler of {registration.job_type!r} cannot be called")
        self._registrations[registration.job_type] = registration

    def only(self, job_types: list[str]) -> Registry:
        """Return a registry with *job_types* alone, or with all types if the list is empty."""
        reduced = Registry()
        for registration in self:
            if not job_types or registration.job_type in job_types:
                reduced.add(registration)
        return reduced

    @property
    def job_types(self) -> frozenset[str]:
        """The names of all types."""
        return frozenset(self._registrations)

    def __getitem__(self, job_type: str) -> Registration:
        return self._registrations[job_type]

    def __iter__(self) -> Iterator[Registration]:
        return iter(self._registrations.values())


REGISTRY = Registry()
"""The registry of this process, filled by ``register``."""


def register(
    job_type: str,
    handler: Handler,
    *,
    params: type[BaseModel] | None = None,
    timeout_sec: float | None = None,
) -> None:
    """Run jobs of *job_type* with *handler*. A later registration of the type replaces this one.

    Args:
        job_type: the name that clients submit.
        handler: ``async def handle(job, repo, resource_calculator) -> None``.
        params: a pydantic model of the parameters; with it the API refuses bad ones at submit.
        timeout_sec: how long an attempt may take, in seconds, unless the job sets its own limit.
    """
    REGISTRY.add(Registration(job_type, handler, params, timeout_sec))
