"""Jobs that change while a batch is counted are counted once."""

from __future__ import annotations

import asyncio

from support.indexed_database import ensure_indexes
from support.job_samples import NOW, TYPES, lease, make_job

from secretary_common.models import Batch, Job
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.batches import MongoBatchRepository
from secretary_common.mongo.jobs.repository import MongoJobRepository


async def test_a_batch_whose_jobs_change_is_counted_completely(
    mongo_url: str, database_name: str
) -> None:
    """Each count has every job once, in whichever state the job is at that moment."""
    client = DatabaseClient(mongo_url, database_name, "pymongo")
    await ensure_indexes(client)
    jobs, batches = MongoJobRepository(client.collection("jobs")), MongoBatchRepository(client)
    made = [make_job(f"job-{n:03}", batch_id="batch-1") for n in range(300)]
    ids = [job.job_id for job in made]
    batch = Batch(batch_id="batch-1", owner="key-1", job_ids=ids, created_at=NOW)
    await batches.insert(batch, made)
    totals = await counted_while(jobs, made)
    assert len(totals) >= 10
    assert set(totals) == {300}
    await client.close()


async def counted_while(jobs: MongoJobRepository, made: list[Job]) -> list[int]:
    """Return totals of a batch while its jobs are claimed."""
    totals: list[int] = []
    working = asyncio.gather(
        *(jobs.claim(job.job_id, lease(job.job_id), NOW, TYPES) for job in made)
    )
    while not working.done() or len(totals) < 10:
        totals.append((await jobs.batch_counts("batch-1")).total)
    await working
    return totals
