"""The order of claims."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from secretary_common.models import DueDelivery, Lane, Phase
from secretary_notifier.fairness.fair_queue import AHEAD_PER_SLOT, BACKLOG_PER_SLOT, FairQueue
from secretary_notifier.fairness.origin import LastAnswer, Origin

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def due(number: int, origin: str = "a", tries: int = 0, owner: str = "") -> DueDelivery:
    """A delivery of *owner*; by default each origin belongs to a key of its own."""
    job_id = f"job-{origin}{number}"
    return DueDelivery(
        f"msg_{job_id}_1",
        job_id,
        1,
        owner or f"key-{origin}",
        origin,
        phase=Phase.COMPLETED,
        tries=tries,
    )


def taken(queue: FairQueue, now: datetime = NOW) -> list[str]:
    found = []
    while item := queue.take(now):
        found.append(item.job_id.removeprefix("job-"))
    return found


def offer(queue: FairQueue, *items: DueDelivery) -> None:
    for item in items:
        assert queue.offer(item)


def answered(
    queue: FairQueue,
    item: DueDelivery,
    *,
    failed: bool | None = False,
    took: float | None = 0.5,
    now: datetime = NOW,
) -> None:
    queue.release_slot(item, now, failed=failed, took_sec=took)
    queue.forget(item, now)


def one_answered(queue: FairQueue, origin: str, **how: float | bool | None) -> None:
    """Take one delivery of *origin* and finish it."""
    item = due(1000, origin)
    offer(queue, item)
    assert queue.take(NOW) is item
    answered(queue, item, **how)  # type: ignore[arg-type]


def opened(queue: FairQueue, origin: str = "a") -> None:
    """Open the breaker of *origin*."""
    for _ in range(10):
        one_answered(queue, origin, failed=True)


def test_an_origin_has_no_more_in_flight_than_its_limit() -> None:
    queue = FairQueue(slots=10, per_origin=2)
    items = [due(number) for number in range(4)]
    offer(queue, *items)
    assert taken(queue) == ["a0", "a1"]
    answered(queue, items[0])
    assert taken(queue) == ["a2"]


def test_deliveries_are_claimed_ahead_for_an_origin_only_while_it_is_quick() -> None:
    queue = FairQueue(slots=100, per_origin=2)
    one_answered(queue, "a", took=0.05)
    offer(queue, *(due(number) for number in range(30)))
    assert len(taken(queue)) == 2 * (1 + AHEAD_PER_SLOT)
    queue.mark_slow("a")
    answered(queue, due(0), took=None)
    assert taken(queue) == []


def test_all_origins_together_hold_at_most_twice_the_slots() -> None:
    queue = FairQueue(slots=3, per_origin=2)
    offer(queue, *(due(number, origin) for origin in "abcd" for number in range(2)))
    assert len(taken(queue)) == 6
    assert queue.in_flight == 6


def test_origins_take_turns() -> None:
    queue = FairQueue(slots=6, per_origin=3)
    offer(queue, *(due(number, origin) for origin in "ab" for number in range(3)))
    assert taken(queue) == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_full_origin_does_not_delay_others() -> None:
    queue = FairQueue(slots=10, per_origin=1)
    offer(queue, *(due(number, "hanging") for number in range(5)), due(0, "healthy"))
    assert taken(queue) == ["hanging0", "healthy0"]


def test_first_tries_go_before_retries() -> None:
    queue = FairQueue(slots=10, per_origin=10)
    offer(queue, due(0, tries=3), due(1))
    assert taken(queue) == ["a1", "a0"]


def test_retries_leave_slots_for_first_tries() -> None:
    queue = FairQueue(slots=4, per_origin=4)
    offer(queue, *(due(number, tries=1) for number in range(4)))
    assert len(taken(queue)) == 3
    offer(queue, due(9, "b"))
    assert taken(queue) == ["b9"]


def test_slow_origins_leave_slots_for_the_others() -> None:
    queue = FairQueue(slots=4, per_origin=4)
    one_answered(queue, "slow", took=14)
    offer(queue, *(due(number, "slow") for number in range(4)))
    assert len(taken(queue)) == 3
    offer(queue, due(9, "b"))
    assert taken(queue) == ["b9"]
    answered(queue, due(0, "slow"))
    assert taken(queue) == ["slow3"]


def test_an_origin_whose_breaker_is_open_gets_no_slot() -> None:
    queue = FairQueue(slots=10, per_origin=4)
    opened(queue)
    offer(queue, due(0), due(1), due(0, "b"))
    assert taken(queue) == ["b0"]
    assert not queue.accepts(Lane("a", is_retry=False), NOW)
    assert queue.is_paused("a", NOW)
    assert not queue.is_paused("b", NOW)
    half_minute = NOW + timedelta(seconds=30)
    assert queue.open_breakers(NOW) == [half_minute]
    assert not queue.is_paused("a", half_minute)
    assert queue.accepts(Lane("a", is_retry=False), half_minute)


def test_after_the_pause_one_probe_starts_and_its_success_resumes_the_origin() -> None:
    queue = FairQueue(slots=10, per_origin=4)
    opened(queue)
    offer(queue, due(0), due(1), due(2))
    half_minute = NOW + timedelta(seconds=30)
    assert taken(queue, half_minute) == ["a0"]
    answered(queue, due(0), now=half_minute)
    assert taken(queue, half_minute) == ["a1", "a2"]


def test_a_probe_without_an_outcome_is_repeated() -> None:
    queue = FairQueue(slots=10, per_origin=4)
    opened(queue)
    offer(queue, due(0), due(1))
    half_minute = NOW + timedelta(seconds=30)
    assert taken(queue, half_minute) == ["a0"]
    queue.forget(due(0), half_minute)  # another notifier has claimed it
    assert taken(queue, half_minute) == ["a1"]


def test_tests_open_no_breaker() -> None:
    queue = FairQueue(slots=10, per_origin=4)
    for number in range(20):
        item = DueDelivery(
            f"msg_test-{number}_1", "test-1", 1, "key-1", "t", phase=Phase.TEST, tries=0
        )
        offer(queue, item)
        assert queue.take(NOW) is item
        answered(queue, item, failed=True)
    assert queue.open_breakers(NOW) == []


def test_a_delivery_is_queued_once() -> None:
    queue = FairQueue(slots=1, per_origin=1)
    item = due(0)
    assert queue.offer(item)
    assert not queue.offer(item)
    assert queue.take(NOW) is item
    assert not queue.offer(item)
    queue.release_slot(item, NOW, failed=False, took_sec=1)
    assert not queue.offer(item), "it is not recorded yet"
    queue.forget(item, NOW)
    assert queue.offer(item)


def test_an_origin_holds_a_bounded_backlog() -> None:
    queue = FairQueue(slots=1, per_origin=1)
    accepted = [queue.offer(due(number)) for number in range(BACKLOG_PER_SLOT + 5)]
    assert accepted.count(True) == BACKLOG_PER_SLOT == len(queue)
    assert not queue.accepts(Lane("a", is_retry=False), NOW)
    assert queue.accepts(Lane("a", is_retry=True), NOW), "its retries are counted apart"
    assert not queue.needs_more("a")


def test_an_origin_needs_more_while_fewer_wait_than_it_can_claim() -> None:
    queue = FairQueue(slots=4, per_origin=2)
    assert queue.needs_more("a")
    offer(queue, due(0), due(1))
    assert not queue.needs_more("a")


@pytest.mark.parametrize(
    ("use", "later"),
    [(one_answered, timedelta(minutes=6)), (opened, timedelta(days=2))],
    ids=["idle", "with a breaker that no event probes"],
)
def test_origins_without_events_are_forgotten(
    use: Callable[[FairQueue, str], object], later: timedelta
) -> None:
    queue = FairQueue(slots=4, per_origin=2)
    for number in range(1200):
        use(queue, f"origin-{number}")
    item = due(0)
    offer(queue, item)
    queue.take(NOW)
    queue.forget(item, NOW + later)
    assert queue.remembered_origins < 5


def test_the_end_of_a_delivery_does_not_look_at_all_origins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, is_idle = 0, Origin.is_idle

    def counted(origin: Origin, now: datetime) -> bool:
        nonlocal looks
        looks += 1
        return is_idle(origin, now)

    monkeypatch.setattr(Origin, "is_idle", counted)
    queue = FairQueue(slots=4, per_origin=2)
    for number in range(1200):
        one_answered(queue, f"origin-{number}")
    assert queue.remembered_origins == 1200
    assert looks < 2 * 1200


def hanging(owner: str, count: int) -> list[DueDelivery]:
    """Deliveries of one key, each for an origin of its own that the notifier does not know yet."""
    return [due(number, f"{owner}-{number}-", owner=owner) for number in range(count)]


def test_one_key_alone_holds_half_of_the_slots_and_leaves_the_rest_to_others() -> None:
    queue = FairQueue(slots=64, per_origin=4)
    offer(queue, *hanging("many", 300))
    assert len(taken(queue)) == 32
    offer(queue, due(1, "b", owner="other"))
    assert taken(queue) == ["b1"]


def test_while_others_are_busy_a_key_holds_a_quarter_of_the_slots() -> None:
    queue = FairQueue(slots=64, per_origin=4)
    for owner in ("x", "y", "z"):
        offer(queue, *hanging(owner, 100))
    found = taken(queue)
    assert [sum(each.startswith(owner) for each in found) for owner in "xyz"] == [16, 16, 16]


def test_keys_take_turns_before_origins_do() -> None:
    queue = FairQueue(slots=64, per_origin=4)
    offer(queue, *hanging("many", 5), *(due(number, "b", owner="other") for number in range(2)))
    assert taken(queue)[:4] == ["many-0-0", "b0", "many-1-1", "b1"]


def test_within_one_origin_keys_take_turns_too() -> None:
    queue = FairQueue(slots=64, per_origin=4)
    offer(queue, *(due(number, "a", owner="many") for number in range(60)))
    offer(queue, due(60, "a", owner="other"))
    assert taken(queue) == ["a0", "a60", "a1", "a2"]


def test_quick_origins_do_not_count_against_the_share_of_their_key() -> None:
    queue = FairQueue(slots=8, per_origin=2)
    for origin in "ab":
        item = due(1000, origin, owner="one")
        offer(queue, item)
        assert queue.take(NOW) is item
        answered(queue, item, took=0.01)
    offer(queue, *(due(n, origin, owner="one") for n in range(8) for origin in "ab"))
    assert len(taken(queue)) == 16


def test_a_slot_of_a_key_is_free_again_once_its_receiver_answered() -> None:
    queue = FairQueue(slots=8, per_origin=2)
    items = hanging("many", 10)
    offer(queue, *items)
    assert len(taken(queue)) == 4
    for item in items[:4]:
        answered(queue, item, failed=True, took=15)
    assert len(taken(queue)) == 4


def test_an_origin_is_untried_until_its_first_request_has_ended() -> None:
    queue = FairQueue(slots=8, per_origin=2)
    item = due(1)
    offer(queue, item)
    assert queue.is_untried("a")
    queue.take(NOW)
    assert queue.is_untried("a")
    answered(queue, item, failed=True, took=5)
    assert not queue.is_untried("a")


def test_the_queue_knows_which_lanes_it_holds() -> None:
    queue = FairQueue(slots=8, per_origin=2)
    assert not queue.holds(Lane("a", is_retry=False))
    offer(queue, due(1))
    assert queue.holds(Lane("a", is_retry=False))
    assert not queue.holds(Lane("a", is_retry=True))


def test_a_receiver_in_trouble_is_reported_first_with_its_failures_and_last_answer() -> None:
    queue = FairQueue(slots=8, per_origin=4)
    opened(queue, "a")
    offer(queue, due(1, "b"))
    queue.note_answer("a", LastAnswer(NOW, 503, None))
    first, second = queue.receivers(NOW, most=10)
    assert (first.origin, first.failures, first.last_status) == ("a", 10, 503)
    assert first.open_until is not None
    assert (second.origin, second.waiting, second.failures) == ("b", 1, 0)
    assert len(queue.receivers(NOW, most=1)) == 1


def test_an_idle_receiver_is_not_reported() -> None:
    queue = FairQueue(slots=8, per_origin=4)
    item = due(1)
    offer(queue, item)
    assert queue.take(NOW) == item
    queue.forget(item, NOW)
    assert queue.receivers(NOW, most=10) == []


def test_a_new_delivery_gets_a_free_slot_at_once_and_is_known_from_then_on() -> None:
    queue = FairQueue(slots=4, per_origin=2)
    assert queue.take_new(due(1), NOW)
    assert not queue.take_new(due(1), NOW)
    assert not queue.offer(due(1))
    assert (queue.in_flight, taken(queue)) == (1, [])


def test_a_new_delivery_gets_no_slot_beyond_the_limits_and_leaves_no_trace() -> None:
    queue = FairQueue(slots=4, per_origin=2)
    assert [queue.take_new(due(number), NOW) for number in range(3)] == [True, True, False]
    queue.forget(due(0), NOW)
    assert taken(queue) == []
    assert queue.offer(due(2))


def test_a_new_delivery_does_not_pass_those_that_wait_for_its_origin() -> None:
    queue = FairQueue(slots=4, per_origin=2)
    offer(queue, due(1), due(2))
    assert not queue.take_new(due(3), NOW)
    assert taken(queue) == ["a1", "a2"]


def test_a_new_delivery_of_a_slow_or_failing_origin_waits_for_its_turn() -> None:
    queue = FairQueue(slots=8, per_origin=2)
    one_answered(queue, "slow", took=5)
    opened(queue, "broken")
    assert not queue.take_new(due(1, "slow"), NOW)
    assert not queue.take_new(due(1, "broken"), NOW)
    assert not queue.take_new(due(1, "broken"), NOW + timedelta(hours=1))
    assert queue.take_new(due(1, "healthy"), NOW)


def test_new_deliveries_of_one_key_leave_slots_for_other_keys() -> None:
    queue = FairQueue(slots=8, per_origin=2)
    given = [queue.take_new(due(1, f"o{n}", owner="greedy"), NOW) for n in range(8)]
    assert given == [True] * 4 + [False] * 4
    assert queue.take_new(due(1, "other", owner="modest"), NOW)
