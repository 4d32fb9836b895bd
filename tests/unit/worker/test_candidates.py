from datetime import UTC, datetime, timedelta

from secretary_common.models import Candidate
from secretary_worker.candidates import OLDEST_SEC, Batch, in_order

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def candidate(job_id: str, priority: int = 5, owner: str = "a", age: float = 0) -> Candidate:
    return Candidate(job_id, "pdf", priority, owner, NOW - timedelta(seconds=age))


def ids(candidates: list[Candidate]) -> str:
    return "".join(one.job_id for one in candidates)


def test_a_higher_priority_comes_first() -> None:
    assert ids(in_order([candidate("x", 1, age=9), candidate("y", 9)])) == "yx"


def test_within_a_key_the_oldest_comes_first() -> None:
    assert ids(in_order([candidate("x", age=1), candidate("y", age=2)])) == "yx"


def test_within_a_priority_the_keys_take_turns() -> None:
    flood = [candidate(f"{n}", owner="flood", age=100 - n) for n in range(5)]
    other = [candidate("x", owner="small", age=1), candidate("y", owner="small")]
    assert ids(in_order([*flood, *other])) == "0x1y234"


def test_a_batch_is_taken_from_its_head() -> None:
    batch = Batch([candidate("x", age=2), candidate("y", age=1)])
    assert [one.job_id for one in (batch.take(), batch.take()) if one] == ["x", "y"]
    assert batch.take() is None


def test_the_loser_of_a_race_skips_ahead_within_the_same_priority() -> None:
    batch = Batch([*(candidate(f"{n}", age=9 - n) for n in range(4)), candidate("low", 1)])
    taken = batch.take(skip=0.999)
    assert taken is not None
    assert taken.job_id == "3"
    assert len(batch) == 4


def test_a_batch_grows_stale() -> None:
    batch = Batch([candidate("x")], read_at=10.0)
    assert not batch.is_stale(10.0 + OLDEST_SEC)
    assert batch.is_stale(10.1 + OLDEST_SEC)
