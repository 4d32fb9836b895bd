"""Listings with several filters: complete over their pages, and bounded."""

from __future__ import annotations

from typing import Any

import pytest
from support.job_samples import after, make_job

from secretary_common.models import JobQuery, JobStatus
from secretary_common.mongo.stored import page as pages
from secretary_common.ports import JobRepository


async def stored(jobs: JobRepository) -> None:
    for number in range(12):
        await jobs.insert(
            make_job(
                f"job-{number:02}",
                job_type="even" if number % 2 == 0 else "odd",
                tags=["third"] if number % 3 == 0 else [],
                user_id="u" if number < 8 else None,
                status=JobStatus.FAILED if number % 4 == 0 else JobStatus.PENDING,
                created_at=after(number // 2),  # two jobs of each moment
            )
        )


async def all_of(jobs: JobRepository, limit: int = 2, **wanted: Any) -> list[int]:
    found: list[int] = []
    place = None
    while True:
        page, place = await jobs.find_page(JobQuery(limit=limit, after=place, **wanted))
        assert len(page) <= limit
        found += [int(job.job_id.removeprefix("job-")) for job in page]
        if place is None:
            return found


@pytest.mark.parametrize("scan", [3, 5000])
@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"tag": "third", "job_type": "even"}, [6, 0]),
        ({"user_id": "u", "tag": "third"}, [6, 3, 0]),
        ({"status": JobStatus.FAILED, "tag": "third"}, [0]),
        ({"status": JobStatus.FAILED, "user_id": "u"}, [4, 0]),
        ({"job_type": "odd", "owner": "key-1", "created_after": after(3)}, [11, 9, 7]),
        ({"statuses": (JobStatus.FAILED, JobStatus.PENDING), "tag": "third"}, [9, 6, 3, 0]),
        ({"statuses": (JobStatus.FAILED,), "job_type": "even"}, [8, 4, 0]),
        ({"owner": "key-2", "tag": "third"}, []),
        ({"id_contains": "b-0", "tag": "third"}, [9, 6, 3, 0]),
        ({"id_contains": "-11"}, [11]),
        ({"id_contains": "."}, []),
        ({"status": JobStatus.PENDING, "owner": "key-1", "job_type": "even"}, [10, 6, 2]),
        ({}, list(range(11, -1, -1))),
    ],
)
async def test_a_listing_finds_every_job_that_fits_all_filters_newest_first(
    jobs: JobRepository,
    monkeypatch: pytest.MonkeyPatch,
    wanted: dict[str, Any],
    numbers: list[int],
    scan: int,
) -> None:
    monkeypatch.setattr(pages, "LONGEST_SCAN", scan)
    await stored(jobs)
    assert await all_of(jobs, **wanted) == numbers
