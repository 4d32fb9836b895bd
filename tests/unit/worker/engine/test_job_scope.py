"""A handler reaches the cache entries and the folders of its job's API key, and no others."""

from __future__ import annotations

import os
from pathlib import Path

from support.engine_harness import engine

from secretary_common.models import Job
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.files import InMemoryFileRepository
from secretary_worker import Cache, ResourceCalculator, SecretaryJobRepository, open_under_roots
from secretary_worker.access.bridge import Bridge


async def test_a_job_never_gets_what_the_job_of_another_key_has_cached() -> None:
    repository = InMemoryCacheRepository(InMemoryFileRepository(), ManualClock())
    cache = Cache("tests", repository, Bridge())

    async def handle(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        known = await cache.get_many(["page"])
        await cache.put_many({"page": {"read_for": job.owner}})
        repo.update_job_results(job.job_id, known)

    async with engine(handle, slots=1) as worker:
        ended = [
            await worker.ended(await worker.submit(owner=owner)) for owner in ("A", "B", "A", "B")
        ]
    assert [job.results for job in ended] == [
        {},
        {},
        {"page": {"read_for": "A"}},
        {"page": {"read_for": "B"}},
    ]


async def test_a_job_opens_only_files_in_the_folders_of_its_key(tmp_path: Path) -> None:
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)

    async def handle(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        with open_under_roots(job.parameters["filename"], [tmp_path], 1000) as file:
            repo.update_job_results(job.job_id, {"text": os.read(file.fd, 100).decode()})

    async with engine(handle) as worker:

        async def end(name: str, file_roots: list[str] | None) -> Job:
            parameters = {"filename": str(tmp_path / name / "a.txt")}
            return await worker.ended(
                await worker.submit(parameters=parameters, file_roots=file_roots)
            )

        assert (await end("other", None)).results == {"text": "other"}
        assert (await end("mine", [str(tmp_path / "mine")])).results == {"text": "mine"}
        refused = await end("other", [str(tmp_path / "mine")])
        assert refused.error is not None
        assert refused.error.code == "FILE_OUTSIDE_ROOTS"
