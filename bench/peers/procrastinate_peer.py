"""FastAPI and procrastinate, with PostgreSQL for the jobs and as the queue.

procrastinate's own row is the job's document. It claims the row and stores the end. The task stores
a progress and the result in a table of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from procrastinate import App, JobContext, PsycopgConnector
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from peers.documents import NewJob

URL = os.environ.get("BENCH_POSTGRES_URL", "")
app = App(connector=PsycopgConnector(conninfo=URL, min_size=4, max_size=16))
pool = AsyncConnectionPool(URL, min_size=4, max_size=16, open=False)


@contextlib.asynccontextmanager
async def _lifespan(_api: FastAPI) -> AsyncIterator[None]:
    async with app.open_async():
        yield


api = FastAPI(lifespan=_lifespan)


@api.get("/health/ready")
async def ready() -> dict[str, str]:
    """Answer when the application runs."""
    return {"status": "ready"}


@api.post("/api/jobs/", status_code=202)
async def submit(job: NewJob) -> dict[str, Any]:
    """Insert the job, which also enqueues its task."""
    job_id = await run.defer_async(parameters=job.parameters)
    return {"job_id": str(job_id), "status": "pending"}


@app.task(pass_context=True)
async def run(context: JobContext, parameters: dict[str, Any]) -> None:
    """Store a progress, store the result."""
    await pool.open()  # does nothing when it is open
    progress = Jsonb({"step": "working", "percent": 50})
    await _execute(
        "INSERT INTO results (job_id, progress) VALUES (%s, %s)", context.job.id, progress
    )
    await asyncio.sleep(float(parameters.get("wait_ms", 0)) / 1000)
    result = Jsonb({"answer": parameters.get("text", "")})
    await _execute(
        "UPDATE results SET result = %s, ended_at = now() WHERE job_id = %s", result, context.job.id
    )


async def _execute(statement: str, *values: Any) -> None:
    async with pool.connection() as connection:
        await connection.execute(statement, values)
