"""What every log repository promises: in memory, and MongoDB under both drivers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from support.indexed_database import ensure_indexes

from secretary_common.models import LOG_LEVELS, LogEntry, LogLevel
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.logs import MongoLogRepository
from secretary_common.ports import LogRepository
from secretary_common.testing.jobs import InMemoryLogRepository

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
START = (0, 0)


def entry(attempt: int, seq: int, level: LogLevel = "info", message: str = "line") -> LogEntry:
    return LogEntry(timestamp=NOW, level=level, message=message, attempt=attempt, seq=seq)


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def logs(request: pytest.FixtureRequest) -> AsyncIterator[LogRepository]:
    if request.param == "memory":
        yield InMemoryLogRepository()
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    yield MongoLogRepository(client.collection("job_logs"))
    await client.close()


def places(entries: list[LogEntry]) -> list[tuple[int, int]]:
    return [(entry.attempt, entry.seq) for entry in entries]


async def test_entries_come_back_as_they_were_stored(logs: LogRepository) -> None:
    stored = [entry(1, 0, "debug", "$where"), entry(1, 1, "critical", "ü")]
    await logs.append("job-1", stored)
    assert await logs.tail("job-1", 9) == stored
    assert await logs.tail("job-2", 9) == []


async def test_an_existing_entry_stays_as_it_is(logs: LogRepository) -> None:
    await logs.append("job-1", [entry(1, 0, message="first")])
    await logs.append("job-1", [entry(1, 0, message="second"), entry(1, 1)])
    assert [one.message for one in await logs.tail("job-1", 9)] == ["first", "line"]


async def test_the_tail_is_the_last_entries_over_all_attempts(logs: LogRepository) -> None:
    await logs.append("job-1", [entry(2, n) for n in range(2)])
    await logs.append("job-1", [entry(1, n) for n in range(12)])
    assert places(await logs.tail("job-1", 4)) == [(1, 10), (1, 11), (2, 0), (2, 1)]


async def test_all_entries_are_returned_page_by_page(logs: LogRepository) -> None:
    await logs.append("job-1", [entry(a, s) for a in (1, 2, 10) for s in range(12)])
    await logs.append("job-2", [entry(1, 0)])
    seen: list[tuple[int, int]] = []
    after = START
    while page := await logs.page("job-1", after=after, levels=LOG_LEVELS, limit=5):
        seen += places(page)
        after = seen[-1]
    assert seen == [(a, s) for a in (1, 2, 10) for s in range(12)]


async def test_a_page_has_only_the_wanted_levels_in_order(logs: LogRepository) -> None:
    await logs.append("job-1", [entry(1, n, LOG_LEVELS[n % 5]) for n in range(20)])
    found = await logs.page("job-1", after=(1, 4), levels=("error", "warning"), limit=3)
    assert [(one.seq, one.level) for one in found] == [
        (7, "warning"),
        (8, "error"),
        (12, "warning"),
    ]


async def test_entries_are_removed_a_part_at_a_time(logs: LogRepository) -> None:
    await logs.append("job-1", [entry(1, n) for n in range(5)])
    await logs.append("job-2", [entry(1, 0)])
    assert [await logs.delete_some("job-1", 3) for _ in range(3)] == [3, 2, 0]
    assert len(await logs.tail("job-2", 9)) == 1
