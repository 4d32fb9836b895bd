"""Which handler runs which job type.

``register`` fills the registry of the process, as the original documentation's modules expect; the
worker imports them (``worker.handler_modules``) and then reads it once.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import Job, JobTypeInfo, JsonObject
from secretary_worker.attempt.repository import SecretaryJobRepository

Handler = Callable[[Job, SecretaryJobRepository, ResourceCalculator], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Registration:
    """A job type, who handles it, and what its parameters look like."""

    job_type: str
    handler: Handler
    params: type[BaseModel] | None = None
    timeout_sec: float | None = None

    def announcement(self) -> JobTypeInfo:
        """What the API needs to know to validate parameters of this type."""
        return JobTypeInfo(self.job_type, self.schema())

    def schema(self) -> JsonObject | None:
        """The JSON Schema of the parameters, if they have a model."""
        return _schema_of(self.params) if self.params else None


@functools.cache
def _schema_of(model: type[BaseModel]) -> JsonObject:
    return model.model_json_schema()


class Registry:
    """Handlers by job type."""

    def __init__(self) -> None:
        self._registrations: dict[str, Registration] = {}

    def add(self, registration: Registration) -> None:
        """Take *registration*; a later one for the same type replaces an earlier one.

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
        """The registry reduced to *job_types*; all of it when the list is empty."""
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
    """Run jobs of *job_type* with *handler*.

    Args:
        job_type: what clients send.
        handler: ``async def handle(job, repo, resource_calculator) -> None``.
        params: a pydantic model of the parameters; with it the API refuses bad ones at submit.
        timeout_sec: how long an attempt may take, in seconds, unless the job says otherwise.
    """
    REGISTRY.add(Registration(job_type, handler, params, timeout_sec))
