"""Handles ``table_report`` jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel, Field

from secretary_common.models import Job, JobProgress
from secretary_worker import (
    Cache,
    HandlerContext,
    OpenFile,
    ResourceCalculator,
    Sandbox,
    SecretaryJobRepository,
    digest,
    open_under_roots,
    parsing_answer,
    private_copy,
)
from table_report.parameters import TableReportParameters
from table_report.template import render


class TableReportSettings(BaseModel):
    """The section ``handlers.table_report``."""

    max_rows: int = Field(default=10_000, ge=1)
    separators: list[str] = [",", ";"]


class TableReportHandler:
    """Describes the columns of a table. One instance serves all jobs."""

    def __init__(
        self,
        context: HandlerContext,
        settings: TableReportSettings,
        cache: Cache,
        sandbox: Sandbox,
    ) -> None:
        self._context = context
        self._settings = settings
        self._cache = cache
        self._sandbox = sandbox

    async def __call__(
        self, job: Job, repo: SecretaryJobRepository, resource_calculator: ResourceCalculator
    ) -> None:
        """Write the report into a file of the job.

        Raises:
            PermanentError: TABLE_INVALID, TABLE_TOO_LONG, TEMPLATE_NOT_FOUND, or a code of the
                worker's services.
        """
        params = TableReportParameters.model_validate(job.parameters)
        async with self._source(params, job.owner) as file:
            repo.update_job_progress(job.job_id, JobProgress(step="parsing", percent=20))
            resource_calculator.add_bytes(file.size)
            key = f"table_report:1:{self._settings.max_rows}:{await digest(file)}"
            known = (await self._cache.get_many([key])).get(key)
            columns = known or await self._parse(file, resource_calculator)
            if known is None:
                await self._cache.put_many({key: columns})
            report = render(params.template, params.language, file.name, columns)
        await repo.add_file(job.job_id, "report.md", report.encode(), "text/markdown")
        repo.update_job_results(job.job_id, {"columns": columns, "cached": known is not None})

    @asynccontextmanager
    async def _source(self, params: TableReportParameters, owner: str) -> AsyncIterator[OpenFile]:
        max_bytes = self._context.max_file_bytes
        if params.file_id is not None:
            async with self._context.uploads.open(params.file_id, owner, max_bytes) as file:
                yield file
        else:
            filename, roots = params.filename or "", self._context.file_roots
            with open_under_roots(filename, roots, max_bytes) as original:
                async with private_copy(original, max_bytes) as file:
                    yield file

    async def _parse(self, file: OpenFile, resources: ResourceCalculator) -> dict[str, int]:
        messages: list[dict[str, Any]] = []
        request = {
            "separators": "".join(self._settings.separators),
            "max_rows": self._settings.max_rows,
        }
        async with self._sandbox.child([file.fd]) as child:
            await child.ask(request, messages.append)
        resources.add_compute_seconds(child.cpu_sec)
        with parsing_answer():
            found = [message["column"] for message in messages]
            return {str(column["name"]): int(column["values"]) for column in found}
