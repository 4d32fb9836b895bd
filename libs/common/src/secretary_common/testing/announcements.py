"""The in-memory repositories of job types and templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secretary_common.models import JobTypeInfo, TemplateInfo


class InMemoryJobTypeRepository:
    """Job types in a dictionary (``ports.JobTypeRepository``)."""

    def __init__(self, *job_types: JobTypeInfo) -> None:
        self.types = {info.job_type: info for info in job_types}

    async def announce(self, job_types: Sequence[JobTypeInfo]) -> None:
        for info in job_types:
            known = self.types.get(info.job_type)
            self.types[info.job_type] = replace(info, paused=known.paused if known else False)

    async def all(self) -> list[JobTypeInfo]:
        return [self.types[name] for name in sorted(self.types)]

    async def set_paused(self, job_type: str, *, paused: bool) -> bool:
        if job_type not in self.types:
            return False
        self.types[job_type] = replace(self.types[job_type], paused=paused)
        return True

    async def paused(self) -> frozenset[str]:
        return frozenset(name for name, info in self.types.items() if info.paused)


class InMemoryTemplateRepository:
    """Templates in a dictionary (``ports.TemplateRepository``)."""

    def __init__(self, *templates: TemplateInfo) -> None:
        self.templates = {info.name: info for info in templates}

    async def announce(self, templates: Sequence[TemplateInfo]) -> None:
        self.templates.update({info.name: info for info in templates})

    async def all(self) -> list[TemplateInfo]:
        return [self.templates[name] for name in sorted(self.templates)]
