"""Maps job types to handlers.

``register`` fills the registry of the process while handler packages are set up. Afterwards the
worker reads the registry once.
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
from secretary_common.secrets.secret_field import secret_names
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
        """Return the job type and its parameter schema, for the API."""
        return JobTypeInfo(self.job_type, self.schema())

    def is_about_parameters(self, error: ValidationError) -> bool:
        """Return whether *error* has the title of the parameters' model."""
        if self.params is None:
            return False
        return error.title == (self.params.model_config.get("title") or self.params.__name__)

    def schema(self) -> JsonObject | None:
        """Return the JSON Schema of the parameters, or None if they have no model."""
        return _schema_of(self.params) if self.params else None

    @property
    def has_secrets(self) -> bool:
        """Whether the schema marks parameters as secret."""
        return self.params is not None and _has_secrets(self.params)


@functools.cache
def _schema_of(model: type[BaseModel]) -> JsonObject:
    return model.model_json_schema()


@functools.cache
def _has_secrets(model: type[BaseModel]) -> bool:
    return secret_names(_schema_of(model)) != frozenset()


class Registry:
    """Handlers by job type."""

    def __init__(self) -> None:
        self._registrations: dict[str, Registration] = {}

    def add(self, registration: Registration) -> None:
        """Add *registration*, which replaces an earlier registration of the same job type.

        Raises:
            ConfigurationError: the name of the type, the handler or the time limit is not valid.
        """
        if fault := _fault(registration):
            raise ConfigurationError(f"register({registration.job_type!r}): {fault}")
        self._registrations[registration.job_type] = registration

    def only(self, job_types: list[str]) -> Registry:
        """Return a registry with only *job_types*, or with all types if *job_types* is empty."""
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
    """Return why *handler* cannot take a job, a repository and a calculator; None if it can."""
    if not callable(handler):
        return f"the handler must be callable, not a {type(handler).__name__}"
    try:
        signature = inspect.signature(handler)
    except ValueError:  # some callables written in C have no signature
        return None
    try:
        signature.bind(None, None, None)
    except TypeError as error:
        expected = "(job, repo, resource_calculator)"
        return f"the handler {_name_of(handler)} must take {expected}: {error}"
    return None


def _name_of(handler: Any) -> str:
    """Return the module and the name of *handler*, or of its class if it has no name."""
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
        handler: ``async def handle(job, repo, resource_calculator)``. A mapping that the handler
            returns becomes the results, unless the handler has set results.
        params: a pydantic model of the parameters. The API checks submitted parameters against its
            JSON Schema.
        timeout_sec: the time limit of an attempt, in seconds. A limit that a job sets itself comes
            before this limit.

    Raises:
        ConfigurationError: an argument is not valid; the message names the handler.
    """
    REGISTRY.add(Registration(job_type, handler, params, timeout_sec))
