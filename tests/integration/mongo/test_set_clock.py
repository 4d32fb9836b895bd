"""MongoDB's own clock decides whether a lease has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support.job_samples import TYPES, end, make_job

from secretary_common.errors import StaleClaim
from secretary_common.models import Lease, Outcome
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.repository import MongoJobRepository


async def test_a_worker_whose_clock_is_ahead_takes_no_running_job(
    mongo_url: str, database_name: str
) -> None:
    """As when MongoDB's clock was set back, and only the owner of the job has noticed it yet."""
    client = DatabaseClient(mongo_url, database_name, "pymongo")
    jobs, now = MongoJobRepository(client.collection("jobs")), datetime.now(UTC)
    ahead = now + timedelta(hours=1)
    await jobs.insert(make_job())
    own = Lease(owner="worker-1", token="t1", expires_at=now + timedelta(minutes=1))
    job = await jobs.claim("job-1", own, now, TYPES)
    assert job is not None
    other = Lease(owner="worker-2", token="t2", expires_at=ahead + timedelta(minutes=1))
    assert await jobs.reclaim(job, other, ahead) is None
    with pytest.raises(StaleClaim):
        await jobs.settle(job, "t1", end(Outcome.FAILED, at=ahead), ended=True)
    await client.close()
