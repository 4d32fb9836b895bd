"""The order in which a worker claims candidates, and when it reads a new batch."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from support.engine_parts import make_candidates

from secretary_common.models import ApiKey, Candidate, Job, KeyLimits
from secretary_common.testing.api_keys import InMemoryKeyRepository
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker.engine.heartbeat import Place
from secretary_worker.engine.line.candidates import DUE_SEC, FRESH, KEYS_A_BATCH, OLDEST_SEC
from secretary_worker.engine.line.turns import next_owners, round_robin

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = {"pdf"}


def candidate(job_id: str, owner: str) -> Candidate:
    return Candidate(job_id, "pdf", 5, owner, NOW)


class Clocked:
    """Candidates with a clock that the test sets."""

    def __init__(self, jobs: InMemoryJobRepository, **options: Any) -> None:
        self.seconds = 100.0
        self.share = 0.0
        self.on_scheduled: list[str] = []
        self.line = make_candidates(
            jobs,
            monotonic=lambda: self.seconds,
            share=lambda: self.share,
            on_scheduled=lambda job: self.on_scheduled.append(job.job_id),
            **options,
        )
        self.refresh, self.take = self.line.refresh, self.line.take
        self.end_race = self.line.end_race

    async def ids(self, count: int, types: set[str] = TYPES) -> str:
        """Return the ids of the next *count* candidates, which may be in several batches."""
        found: list[str] = []
        while len(found) < count and await self.refresh(types, NOW):
            found += [one.job_id for one in self.take(count - len(found))]
        return " ".join(found)

    def lose_race(self, share: float) -> None:
        self.share = share
        self.end_race(lost=True)


async def store(*wanted: str, **fields: Any) -> InMemoryJobRepository:
    """Store jobs such as ``a1 a2 b1``: the key ``a`` has two, and ``a1`` is older than ``a2``."""
    jobs = InMemoryJobRepository()
    for age, job_id in enumerate(wanted):
        await add(jobs, job_id, run_at=NOW - timedelta(seconds=len(wanted) - age), **fields)
    return jobs


async def add(jobs: InMemoryJobRepository, job_id: str, **fields: Any) -> None:
    times = dict.fromkeys(("run_at", "created_at", "updated_at"), NOW)
    given = {"job_id": job_id, "job_type": "pdf", "owner": job_id[:-1], **times}
    await jobs.insert(Job.model_validate({**given, **fields}))


def test_after_the_last_owner_the_first_one_follows() -> None:
    owners = ["a", "c", "e"]
    turns = {"": "ace", "a": "cea", "b": "cea", "d": "eac", "e": "ace", "z": "ace"}
    assert {last: "".join(next_owners(owners, last, 9)) for last in turns} == turns
    assert next_owners(owners, "c", 2) == ["e", "a"]


def test_keys_take_turns_and_each_keeps_its_order() -> None:
    wanted = [candidate(f"a{n}", "a") for n in range(3)] + [candidate("b0", "b")]
    found = round_robin(wanted, ["b", "a", "c"])
    assert [one.job_id for one in found] == ["b0", "a0", "a1", "a2"]


async def test_a_fresh_batch_is_taken_from_its_head_without_another_read() -> None:
    jobs = await store("a1", "a2", "b1")
    candidates = Clocked(jobs)
    assert await candidates.ids(1) == "a1"
    assert len(candidates.line) == 2
    jobs.jobs.clear()
    assert await candidates.ids(3) == "b1 a2"


async def test_a_batch_over_a_second_old_is_read_again() -> None:
    jobs = await store("a1", "a2")
    candidates = Clocked(jobs)
    assert await candidates.ids(1) == "a1"
    candidates.seconds += OLDEST_SEC
    await add(jobs, "b1", priority=9)
    assert await candidates.ids(1) == "a2"
    candidates.seconds += 0.1
    assert await candidates.ids(1) == "b1"


async def test_a_batch_for_other_types_is_read_again() -> None:
    candidates = Clocked(await store("a1", "a2"))
    assert await candidates.ids(1) == "a1"
    assert await candidates.ids(1, {"session"}) == ""
    assert len(candidates.line) == 0


async def test_a_batch_holds_one_priority() -> None:
    jobs = await store("a1", "a2", priority=3)
    await add(jobs, "b1", priority=9)
    candidates = Clocked(jobs)
    candidates.lose_race(0.99)
    assert await candidates.ids(1) == "b1"
    assert len(candidates.line) == 0


async def test_after_a_lost_race_a_worker_skips_ahead_and_continues_there() -> None:
    candidates = Clocked(await store(*(f"a{n}" for n in range(8))))
    assert await candidates.ids(1) == "a0"
    candidates.lose_race(0.5)
    assert await candidates.ids(1) == "a4"
    candidates.end_race(lost=False)
    assert await candidates.ids(2) == "a5 a6"
    candidates.lose_race(0.999)
    assert await candidates.ids(1) == "a7"


async def test_after_a_lost_race_the_next_batch_begins_elsewhere() -> None:
    jobs = await store("a0", "a1", "a2", "a3")
    candidates = Clocked(jobs)
    assert await candidates.ids(4) == "a0 a1 a2 a3"
    candidates.lose_race(0.5)
    assert await candidates.ids(1) == "a2"
    candidates.end_race(lost=False)
    assert await candidates.ids(1) == "a3"
    assert await candidates.ids(1) == "a0"


async def test_although_races_are_lost_the_first_job_is_reached_every_second() -> None:
    jobs = await store(*(f"a{n}" for n in range(8)))
    candidates = Clocked(jobs)
    first = []
    for _ in range(5):
        candidates.lose_race(0.5)
        first.append(await candidates.ids(1))
        candidates.take(8)
        candidates.seconds += OLDEST_SEC / 2
    assert first == ["a0", "a4", "a4", "a0", "a4"]


async def test_a_batch_claim_takes_jobs_of_all_keys_in_turn() -> None:
    candidates = Clocked(await store("a1", "a2", "a3", "a4", "b1", "b2", "c1"))
    await candidates.refresh(TYPES, NOW)
    assert [one.job_id for one in candidates.take(5)] == ["a1", "b1", "c1", "a2", "b2"]
    candidates.seconds += 2 * OLDEST_SEC
    await candidates.refresh(TYPES, NOW)
    assert [one.owner for one in candidates.take(3)] == ["c", "a", "b"]


async def test_the_last_owner_is_remembered_across_batches() -> None:
    candidates = Clocked(await store("a1", "a2", "a3", "b1", "c1"))
    found = []
    for _ in range(4):
        candidates.seconds += 2 * OLDEST_SEC
        found.append(await candidates.ids(1))
    assert found == ["a1", "b1", "c1", "a1"]


async def test_each_priority_remembers_its_own_last_owner() -> None:
    jobs = await store("a1", "b1", priority=3)
    candidates = Clocked(jobs)
    assert await candidates.ids(1) == "a1"
    await add(jobs, "a9", priority=9)
    candidates.seconds += 2 * OLDEST_SEC
    assert await candidates.ids(1) == "a9"
    del jobs.jobs["a9"]
    candidates.seconds += 2 * OLDEST_SEC
    assert await candidates.ids(1) == "b1"


async def test_keys_beyond_one_batch_have_their_turn_in_the_next() -> None:
    names = [f"key{n:02d}-" for n in range(KEYS_A_BATCH + 3)]
    candidates = Clocked(await store(*(f"{name}1" for name in names)))
    first = await candidates.ids(KEYS_A_BATCH)
    assert first.split() == [f"{name}1" for name in names[:KEYS_A_BATCH]]
    assert (await candidates.ids(3)).split() == [f"{name}1" for name in names[KEYS_A_BATCH:]]


async def test_a_worker_begins_with_a_key_that_it_chooses() -> None:
    asked: list[Sequence[str]] = []

    def choose(owners: Sequence[str]) -> str:
        asked.append(owners)
        return owners[0]

    candidates = make_candidates(await store("a1", "b1"), monotonic=lambda: 0.0, choose=choose)
    assert await candidates.refresh(TYPES, NOW)
    assert [one.job_id for one in candidates.take(1)] == ["b1"]
    assert asked == [["a", "b"]]


async def test_a_priority_whose_jobs_are_all_claimed_is_skipped() -> None:
    class Raced(InMemoryJobRepository):
        async def waiting_priorities(self, *_: Any) -> list[int]:
            return [9, 5]

    jobs = Raced()
    await add(jobs, "a1")
    assert await Clocked(jobs).ids(1) == "a1"


async def test_each_read_reports_the_scheduled_job_that_is_due_next() -> None:
    jobs = await store("a1", "a2")
    for job_id, seconds in [("b2", 20), ("b1", 10)]:
        await add(jobs, job_id, run_at=NOW + timedelta(seconds=seconds))
    candidates = Clocked(jobs)
    assert await candidates.ids(2) == "a1 a2"
    assert candidates.on_scheduled == ["b1"]
    jobs.jobs.clear()
    assert not await candidates.refresh(TYPES, NOW)
    assert candidates.on_scheduled == ["b1"]


class Counting(InMemoryJobRepository):
    """Records which reads were made."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    async def few_waiting(self, *arguments: Any) -> list[Candidate] | None:
        self.reads.append("few")
        return await super().few_waiting(*arguments)

    async def waiting_priorities(self, *arguments: Any) -> list[int]:
        self.reads.append("priorities")
        return await super().waiting_priorities(*arguments)

    async def next_due(self, *arguments: Any) -> Candidate | None:
        self.reads.append("due")
        return await super().next_due(*arguments)


async def test_a_short_line_is_read_at_once_and_a_long_line_in_steps() -> None:
    jobs = Counting()
    for number in range(10):
        await add(jobs, f"a{number}")
    candidates = Clocked(jobs, batch_size=4)
    assert await candidates.ids(8) == "a0 a1 a2 a3 a0 a1 a2 a3"  # no worker claims them
    assert jobs.reads == ["due", "few", "priorities", "priorities"]
    jobs.jobs.clear()
    await add(jobs, "b1")
    await add(jobs, "c1", priority=9)
    jobs.reads.clear()
    assert await candidates.ids(2) == "c1 c1"
    assert jobs.reads == ["priorities", "few"]


async def test_a_rest_of_a_batch_that_is_too_small_for_a_claim_is_read_again() -> None:
    jobs = await store(*(f"a{n}" for n in range(20)))
    candidates = Clocked(jobs, batch_size=10)
    for wanted, left in ((10, 10), (4, 6), (4, 10), (2, 6), (3, 4)):
        await candidates.refresh(TYPES, NOW, wanted=wanted)
        assert len(candidates.line) == left
        for taken in candidates.take(min(wanted, 4)):
            del jobs.jobs[taken.job_id]


async def test_keys_that_a_batch_lacks_follow_its_keys_although_its_rest_was_too_small() -> None:
    keys = "abcdefghijkl"
    assert len(keys) > KEYS_A_BATCH
    jobs = await store(*(f"{key}{n}" for n in range(9) for key in keys))
    candidates = Clocked(jobs, batch_size=10, choose=max)
    owners = ""
    for _ in range(3):
        await candidates.refresh(TYPES, NOW, wanted=10)
        for taken in candidates.take(10):
            owners += taken.owner
            del jobs.jobs[taken.job_id]
    assert owners == "abcdefgh" * 2 + "ijklabcdijklab"


async def test_a_rest_of_few_keys_is_taken_first_and_once() -> None:
    jobs = await store(*(f"{key}{n}" for n in range(9) for key in "ab"))
    candidates = Clocked(jobs, batch_size=10, choose=max)
    taken: list[str] = []
    for wanted in (7, 6, 5):
        await candidates.refresh(TYPES, NOW, wanted=wanted)
        taken += [one.job_id for one in candidates.take(wanted)]
        for job_id in taken:
            jobs.jobs.pop(job_id, None)
    assert taken == [f"{key}{n}" for n in range(9) for key in "ab"]


async def test_a_job_of_a_higher_priority_goes_before_a_small_rest() -> None:
    jobs = await store(*(f"a{n}" for n in range(20)))
    candidates = Clocked(jobs, batch_size=10)
    await candidates.refresh(TYPES, NOW, wanted=8)
    for taken in candidates.take(8):
        del jobs.jobs[taken.job_id]
    for n in range(6):
        await add(jobs, f"b{n}", priority=9)
    await candidates.refresh(TYPES, NOW, wanted=8)
    assert [one.job_id for one in candidates.take(8)] == [f"b{n}" for n in range(6)]


async def test_a_key_with_a_limit_does_not_wait_for_the_end_of_a_large_batch() -> None:
    jobs, keys = InMemoryJobRepository(), InMemoryKeyRepository()
    limits = KeyLimits(max_running=2)
    await keys.insert(ApiKey("b", "digest", "limited", [], NOW, limits=limits))
    for n in range(600):
        for key in "ab":
            await add(jobs, f"{key}{n:03}", owner=key)
    candidates = Clocked(jobs, keys=keys, batch_size=6 * 64)
    started = Counter[str]()
    for _ in range(6):
        await candidates.refresh(TYPES, NOW, wanted=64)
        for taken in candidates.take(64):
            started[taken.owner] += 1
            del jobs.jobs[taken.job_id]
    assert started["b"] >= 2 * 6 - 2


async def test_a_rest_is_all_that_waits_of_a_short_line() -> None:
    jobs = Counting()
    for name in ("a1", "a2", "a3"):
        await add(jobs, name)
    candidates = Clocked(jobs)
    for left in (3, 2, 1):
        await candidates.refresh(TYPES, NOW, wanted=8)
        assert len(candidates.line) == left
        candidates.take(1)
    assert jobs.reads == ["due", "few"]


async def test_the_next_timer_is_asked_for_once_a_second() -> None:
    jobs = Counting()
    candidates = Clocked(jobs)
    owed = []
    for seconds in (0, DUE_SEC / 2, DUE_SEC / 2, DUE_SEC / 2):
        candidates.seconds += seconds
        await candidates.refresh(TYPES, NOW)
        owed.append(candidates.line.owes_timer)
    assert owed == [False, True, False, True]
    assert jobs.reads.count("due") == 2


async def test_a_line_is_exhausted_once_a_worker_has_taken_all_of_it() -> None:
    candidates = Clocked(await store("a1", "a2"))
    await candidates.ids(1)
    assert not candidates.line.is_exhausted
    await candidates.ids(1)
    assert candidates.line.is_exhausted
    candidates.lose_race(0.5)
    assert not candidates.line.is_exhausted


async def test_a_line_with_another_priority_is_not_exhausted() -> None:
    jobs = await store("a1")
    await add(jobs, "b1", priority=9)
    candidates = Clocked(jobs)
    assert await candidates.ids(1) == "b1"
    assert not candidates.line.is_exhausted


def owned_by(place: Place, count: int) -> list[str]:
    """Return *count* ids of jobs that belong to the share of *place*."""
    return [one for n in range(1000) if place.owns(one := f"a{n}")][:count]


async def after_lost_race(jobs: InMemoryJobRepository, place: Place) -> Clocked:
    """Return the candidates of a worker that has lost a job to another worker just now."""
    candidates = Clocked(jobs, place=at(place), batch_size=10)
    await candidates.ids(1)
    candidates.lose_race(0.0)
    candidates.take(100)
    await candidates.refresh(TYPES, NOW)
    return candidates


async def test_after_a_lost_race_each_worker_takes_its_share_of_many_jobs() -> None:
    jobs = await store(*(f"a{n}" for n in range(20)))
    lines = [await after_lost_race(jobs, Place(index, 2)) for index in range(2)]
    taken = [one.job_id for each in lines for one in each.take(20)]
    assert sorted(taken) == sorted(f"a{n}" for n in range(20))


async def test_a_worker_keeps_to_its_share_until_it_has_lost_no_race_for_a_second() -> None:
    mine = Place(0, 2)
    jobs = await store(*owned_by(mine, 7), *owned_by(Place(1, 2), 8))
    candidates = await after_lost_race(jobs, mine)
    candidates.end_race(lost=False)
    candidates.take(100)
    await candidates.refresh(TYPES, NOW)
    assert len(candidates.line) == 7
    assert not candidates.line.is_exhausted
    candidates.take(100)
    candidates.seconds += 2 * OLDEST_SEC
    await candidates.refresh(TYPES, NOW)
    assert len(candidates.line) == 15


async def test_jobs_that_another_worker_leaves_waiting_are_taken() -> None:
    jobs = await store(*owned_by(Place(1, 2), 12))
    assert len((await after_lost_race(jobs, Place(0, 2))).line) == 12


async def test_few_new_jobs_begin_with_a_job_of_a_shared_doorbell() -> None:
    jobs = InMemoryJobRepository()
    for n in range(4):
        await add(jobs, f"a{n}")
    candidates = Clocked(jobs)
    candidates.line.begin_with("a2")
    assert await candidates.ids(4) == "a2 a3 a0 a1"
    assert await candidates.ids(4) == "a0 a1 a2 a3"


async def test_a_job_that_has_waited_goes_before_the_jobs_of_a_shared_doorbell() -> None:
    jobs = InMemoryJobRepository()
    await add(jobs, "a0", run_at=NOW - 2 * FRESH)
    await add(jobs, "a1")
    candidates = Clocked(jobs)
    candidates.line.begin_with("a1")
    assert await candidates.ids(2) == "a0 a1"


def at(place: Place) -> Callable[[], Awaitable[Place]]:
    """Return a worker's knowledge of its place."""

    async def ask() -> Place:
        return place

    return ask
