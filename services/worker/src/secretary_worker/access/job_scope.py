"""What the job in the current context may reach: the entries of its API key, and folders.

The engine opens the scope before it calls a handler. Tasks that the handler starts, and calls that
it makes with ``asyncio.to_thread``, have the same scope. A thread that the handler starts itself
has none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobScope:
    """What one job may reach."""

    owner: str
    """The id of the API key that submitted the job."""
    file_roots: Sequence[str] | None = None
    """The only folders whose files the job may name; None: all of ``files.roots``."""
    s3_places: Sequence[str] | None = None
    """The only places whose objects the job may name; None: all buckets of ``s3.connections``."""


_current: ContextVar[JobScope | None] = ContextVar("secretary_job_scope", default=None)


@contextlib.contextmanager
def job_scope(scope: JobScope) -> Iterator[None]:
    """Let the code inside reach what *scope* allows."""
    known = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(known)


def current_scope() -> JobScope | None:
    """Return the scope of the job whose handler called; None outside of a job."""
    return _current.get()
