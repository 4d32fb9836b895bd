"""FastAPI and Celery, with MongoDB for the jobs and RabbitMQ for the tasks."""

from __future__ import annotations

import functools
import time
from typing import Any

from celery import Celery
from fastapi import FastAPI
from pymongo import MongoClient
from pymongo.collection import Collection

from peers import documents
from peers.documents import Document, NewJob

app = Celery("peers", broker=documents.AMQP_URL)
app.conf.update(
    broker_transport_options={"confirm_publish": True},
    broker_pool_limit=40,  # FastAPI runs up to 40 requests at once
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
)
api = FastAPI()


@functools.cache
def jobs() -> Collection[Document]:
    """Return the collection; its client is made after Celery's fork."""
    client: MongoClient[Document] = MongoClient(documents.MONGO_URL, **documents.OPTIONS)
    return client[documents.DATABASE]["jobs"]


@api.get("/health/ready")
def ready() -> dict[str, str]:
    """Answer when the application runs."""
    return {"status": "ready"}


@api.post("/api/jobs/", status_code=202)
def submit(job: NewJob) -> dict[str, Any]:
    """Insert the job, then enqueue its task."""
    document = documents.new_document(job)
    jobs().insert_one(document)
    run.apply_async((document["_id"],))
    return {"job_id": document["_id"], "status": document["status"]}


@app.task
def run(job_id: str) -> None:
    """Claim the job, store a progress, store the result."""
    job = jobs().find_one_and_update(documents.waiting(job_id), documents.claim())
    if job is None:
        return
    jobs().update_one(documents.claimed(job_id), documents.progress())
    time.sleep(documents.wait_sec(job))
    jobs().update_one(documents.claimed(job_id), documents.completed(job))
