"""Maps job types to handlers.

``register`` fills the registry of the process when handler packages are set up. The worker reads
it once, afterwards.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from secretary_common.errors import ConfigurationError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job, JobTypeInfo, JsonObject, job_type_fault
from secretary_worker.attempt.repository import SecretaryJobRepository

Handler = Callable[
    [Job, SecretaryJobRepository, ResourceCalculator], Awaitable[Mapping[str, Any] | None]
]


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

    def is_about_parameters(self, error: ValidationError) -> bool:
        """Return whether *error* comes from the model of the parameters."""
        if self.params is None:
            return False
        return error.title == (self.params.model_config.get("title") or self.params.__name__)

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
            ConfigurationError: its type's name, handler or time limit is not valid.
        """
        if fault := _fault(registration):
            raise ConfigurationError(f"register({registration.job_type!r}): {fault}")
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


def _fault(registration: Registration) -> str | None:
    if fault := job_type_fault(registration.job_type):
        return f"the name of a job type {fault}"
    timeout_sec = registration.timeout_sec
    if timeout_sec is not None and not timeout_sec > 0:
        return f"timeout_sec must be more than 0, not {timeout_sec}"
    return _handler_fault(registration.handler)


def _handler_fault(handler: Any) -> str | None:
    """Return why *handler* cannot be called with a job, a repository and a calculator."""
    if not callable(handler):
        return f"the handler must be callable, not a {type(handler).__name__}"
    try:
        signature = inspect.signature(handler)
    except ValueError:  # some callables written in C have none
        return None
    try:
        signature.bind(None, None, None)
    except TypeError as error:
        expected = "(job, repo, resource_calculator)"
        return f"the handler {_name_of(handler)} must take {expected}: {error}"
    return None


def _name_of(handler: Any) -> str:
    """Return the module and the name of *handler*, or of its class."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__}"


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
        handler: ``async def handle(job, repo, resource_calculator)``; a mapping that it returns
            becomes the results.
        params: a pydantic model of the parameters; with it the API refuses bad ones at submit.
        timeout_sec: how long an attempt may take, in seconds, unless the job sets its own limit.

    Raises:
        ConfigurationError: an argument is not valid; the message names the handler.
    """
    REGISTRY.add(Registration(job_type, handler, params, timeout_sec))
