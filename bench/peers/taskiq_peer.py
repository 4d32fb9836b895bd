"""FastAPI and Taskiq, with MongoDB for the jobs and RabbitMQ for the tasks."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from taskiq_aio_pika import AioPikaBroker

from peers import documents
from peers.documents import Document, NewJob

broker = AioPikaBroker(documents.AMQP_URL, qos=64)


@functools.cache
def jobs() -> AsyncCollection[Document]:
    """Return the collection."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(documents.MONGO_URL, **documents.OPTIONS)
    return client[documents.DATABASE]["jobs"]


@contextlib.asynccontextmanager
async def _lifespan(_api: FastAPI) -> AsyncIterator[None]:
    await broker.startup()
    yield
    await broker.shutdown()


api = FastAPI(lifespan=_lifespan)


@api.get("/health/ready")
async def ready() -> dict[str, str]:
    """Answer when the application runs."""
    return {"status": "ready"}


@api.post("/api/jobs/", status_code=202)
async def submit(job: NewJob) -> dict[str, Any]:
    """Insert the job, then enqueue its task."""
    document = documents.new_document(job)
    await jobs().insert_one(document)
    await run.kiq(document["_id"])
    return {"job_id": document["_id"], "status": document["status"]}


@broker.task
async def run(job_id: str) -> None:
    """Claim the job, store a progress, store the result."""
    job = await jobs().find_one_and_update(documents.waiting(job_id), documents.claim())
    if job is None:
        return
    await jobs().update_one(documents.claimed(job_id), documents.progress())
    await asyncio.sleep(documents.wait_sec(job))
    await jobs().update_one(documents.claimed(job_id), documents.completed(job))
