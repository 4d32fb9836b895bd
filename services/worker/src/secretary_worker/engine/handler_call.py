"""Calls a handler, queues the mapping that the handler returns, and reports refused parameters."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core.core_schema import ErrorType

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job
from secretary_worker.attempt.commands import PendingWrite
from secretary_worker.attempt.repository import SecretaryJobRepository
from secretary_worker.registry import Registration

# Messages of these errors may contain the value, because a model or another library writes them.
_QUOTING = {
    *("value_error", "assertion_error", "union_tag_invalid", "uuid_parsing"),
    *("get_attribute_error", "iteration_error", "mapping_type"),
}
_SAFE = frozenset(get_args(ErrorType)) - _QUOTING
_MAX_FIELDS = 20


async def call_handler(
    registration: Registration,
    job: Job,
    repository: SecretaryJobRepository,
    calculator: ResourceCalculator,
) -> None:
    """Run the handler of *registration* on *job*.

    A mapping that the handler returns becomes the results, unless the handler has set results.

    Raises:
        PermanentError: VALIDATION_ERROR, the model of the parameters refused them; NOT_STORABLE,
            the returned value cannot become the results; or the handler is not an async function.
        BaseException: any other exception of the handler.
    """
    try:
        running: Any = registration.handler(job, repository, calculator)
        if not inspect.isawaitable(running):
            raise PermanentError(f"the handler of {job.job_type} is not an async function")
        returned: Any = await running
    except ValidationError as error:
        if registration.is_about_parameters(error):
            raise refused_parameters(error) from error
        raise
    if returned is not None and not repository.has_results:
        _store(returned, job, repository)


def refused_parameters(error: ValidationError) -> PermanentError:
    """Return the error for parameters that their model refused. The error names no values."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    fields = [(_path(one["loc"]), _rule(one)) for one in found[:_MAX_FIELDS]]
    return PermanentError(
        ": ".join(fields[0]),
        code=ErrorCode.VALIDATION_ERROR,
        details={"fields": [{"field": name, "message": rule} for name, rule in fields]},
    )


def _path(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "parameters" + "".join(parts)


def _rule(error: Any) -> str:
    return str(error["msg"]) if error["type"] in _SAFE else "is refused by the job type's own rule"


def _store(returned: object, job: Job, repository: SecretaryJobRepository) -> None:
    if isinstance(returned, PendingWrite):  # e.g. return repo.update_job_status(…)
        return
    if not isinstance(returned, Mapping):
        kind = type(returned).__name__
        message = f"the handler returned a {kind}; it may return a mapping (the results) or None"
        raise PermanentError(message, code=ErrorCode.NOT_STORABLE)
    repository.update_job_results(job.job_id, dict(returned))
