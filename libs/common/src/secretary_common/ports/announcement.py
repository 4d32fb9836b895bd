"""The store interfaces of announced job types and templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from secretary_common.models import JobTypeInfo, TemplateInfo


class JobTypeRepository(Protocol):
    """The announced job types. All methods raise ``StoreUnavailable``."""

    async def announce(self, job_types: Sequence[JobTypeInfo]) -> None:
        """Store job types, or update their schemas; ``paused`` stays as it is."""
        ...

    async def all(self) -> list[JobTypeInfo]:
        """Return every announced type, sorted by name."""
        ...

    async def set_paused(self, job_type: str, *, paused: bool) -> bool:
        """Pause or resume a job type: workers start no jobs of a paused type.

        Returns False if there is no such type.
        """
        ...

    async def paused(self) -> frozenset[str]:
        """Return the paused types."""
        ...


class TemplateRepository(Protocol):
    """The announced templates. All methods raise ``StoreUnavailable``."""

    async def announce(self, templates: Sequence[TemplateInfo]) -> None:
        """Store templates, or update their languages and fields."""
        ...

    async def all(self) -> list[TemplateInfo]:
        """Return every announced template, sorted by name."""
        ...
