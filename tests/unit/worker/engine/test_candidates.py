"""Whose turn it is, and when a worker reads its batch anew."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from secretary_common.models import Candidate, Job
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker.engine.candidates import (
    KEYS_A_BATCH,
    OLDEST_SEC,
    Candidates,
    in_turn,
    turn_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = {"pdf"}


def candidate(job_id: str, owner: str) -> Candidate:
    return Candidate(job_id, "pdf", 5, owner, NOW)


class Clocked(Candidates):
    """A line whose batches age only when told."""

    def __init__(self, jobs: InMemoryJobRepository, **options: Any) -> None:
        self.seconds = 100.0
        self.heard_of: list[str] = []
        super().__init__(
            jobs,
            monotonic=lambda: self.seconds,
            choose=max,
            heard_of=lambda job: self.heard_of.append(job.job_id),
            **options,
        )

    async def ids(self, count: int, types: set[str] = TYPES, skip: float = 0.0) -> str:
        found = [await self.take(types, NOW, skip) for _ in range(count)]
        return " ".join(one.job_id for one in found if one)


async def store(*wanted: str, **fields: Any) -> InMemoryJobRepository:
    """Jobs ``a1 a2 b1``: the key ``a`` has two, of which ``a1`` is the older."""
    jobs = InMemoryJobRepository()
    for age, job_id in enumerate(wanted):
        await add(jobs, job_id, run_at=NOW - timedelta(seconds=len(wanted) - age), **fields)
    return jobs


async def add(jobs: InMemoryJobRepository, job_id: str, **fields: Any) -> None:
    times = dict.fromkeys(("run_at", "created_at", "updated_at"), NOW)
    given = {"job_id": job_id, "job_type": "pdf", "owner": job_id[:-1], **times}
    await jobs.insert(Job.model_validate({**given, **fields}))


def test_the_turn_goes_round_and_round() -> None:
    owners = ["a", "c", "e"]
    turns = {"": "ace", "a": "cea", "b": "cea", "d": "eac", "e": "ace", "z": "ace"}
    assert {last: "".join(turn_of(owners, last, 9)) for last in turns} == turns
    assert turn_of(owners, "c", 2) == ["e", "a"]


def test_the_keys_take_turns_and_within_a_key_the_order_stays() -> None:
    wanted = [candidate(f"a{n}", "a") for n in range(3)] + [candidate("b0", "b")]
    found = in_turn(wanted, ["b", "a", "c"])
    assert [one.job_id for one in found] == ["b0", "a0", "a1", "a2"]


async def test_a_fresh_batch_is_taken_from_its_head_without_another_read() -> None:
    jobs = await store("a1", "a2", "b1")
    line = Clocked(jobs)
    assert await line.ids(1) == "a1"
    assert len(line) == 2
    jobs.jobs.clear()
    assert await line.ids(3) == "b1 a2"


async def test_a_batch_over_a_second_old_is_read_anew() -> None:
    jobs = await store("a1", "a2")
    line = Clocked(jobs)
    assert await line.ids(1) == "a1"
    line.seconds += OLDEST_SEC
    await add(jobs, "b1", priority=9)
    assert await line.ids(1) == "a2"
    line.seconds += 0.1
    assert await line.ids(1) == "b1"


async def test_a_batch_of_other_types_is_read_anew() -> None:
    line = Clocked(await store("a1", "a2"))
    assert await line.ids(1) == "a1"
    assert await line.ids(1, {"session"}) == ""
    assert len(line) == 0


async def test_a_batch_holds_one_priority() -> None:
    jobs = await store("a1", "a2", priority=3)
    await add(jobs, "b1", priority=9)
    line = Clocked(jobs)
    assert await line.ids(1, skip=0.99) == "b1"
    assert len(line) == 0


async def test_the_loser_of_a_race_skips_ahead_and_goes_on_from_there() -> None:
    line = Clocked(await store(*(f"a{n}" for n in range(8))))
    assert await line.ids(1) == "a0"
    assert await line.ids(1, skip=0.5) == "a4"
    assert await line.ids(2) == "a5 a6"
    assert await line.ids(1, skip=0.999) == "a7"


async def test_the_turn_is_remembered_from_batch_to_batch() -> None:
    line = Clocked(await store("a1", "a2", "a3", "b1", "c1"))
    found = []
    for _ in range(4):
        line.seconds += 2 * OLDEST_SEC
        found.append(await line.ids(1))
    assert found == ["a1", "b1", "c1", "a1"]


async def test_each_priority_has_a_turn_of_its_own() -> None:
    jobs = await store("a1", "b1", priority=3)
    line = Clocked(jobs)
    assert await line.ids(1) == "a1"
    await add(jobs, "a9", priority=9)
    line.seconds += 2 * OLDEST_SEC
    assert await line.ids(1) == "a9"
    del jobs.jobs["a9"]
    line.seconds += 2 * OLDEST_SEC
    assert await line.ids(1) == "b1"


async def test_keys_too_many_for_one_batch_have_their_turn_in_the_next() -> None:
    names = [f"key{n:02d}-" for n in range(KEYS_A_BATCH + 3)]
    line = Clocked(await store(*(f"{name}1" for name in names)))
    first = await line.ids(KEYS_A_BATCH)
    assert first.split() == [f"{name}1" for name in names[:KEYS_A_BATCH]]
    assert (await line.ids(3)).split() == [f"{name}1" for name in names[KEYS_A_BATCH:]]


async def test_workers_begin_with_the_key_they_choose() -> None:
    asked: list[Sequence[str]] = []

    def choose(owners: Sequence[str]) -> str:
        asked.append(owners)
        return owners[0]

    line = Candidates(await store("a1", "b1"), choose=choose, heard_of=print)
    found = await line.take(TYPES, NOW)
    assert found
    assert found.job_id == "b1"
    assert asked == [["a", "b"]]


async def test_a_priority_that_others_emptied_meanwhile_is_passed_over() -> None:
    class Raced(InMemoryJobRepository):
        async def waiting_priorities(self, *_: Any) -> list[int]:
            return [9, 5]

    jobs = Raced()
    await add(jobs, "a1")
    assert await Clocked(jobs).ids(1) == "a1"


async def test_each_read_tells_of_the_job_that_is_due_next() -> None:
    jobs = await store("a1", "a2")
    for job_id, seconds in [("b2", 20), ("b1", 10)]:
        await add(jobs, job_id, run_at=NOW + timedelta(seconds=seconds))
    line = Clocked(jobs)
    assert await line.ids(2) == "a1 a2"
    assert line.heard_of == ["b1"]
    jobs.jobs.clear()
    assert await line.take(TYPES, NOW) is None
    assert line.heard_of == ["b1"]
