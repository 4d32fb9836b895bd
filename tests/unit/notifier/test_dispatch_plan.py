"""What the dispatcher reads and claims next, and which deliveries it leaves to other notifiers."""

from datetime import UTC, datetime, timedelta

from secretary_common.models import DeliveryState, DueDelivery, Lane, Phase
from secretary_notifier.dispatch_plan import DUE_AT_ONCE, LANES_AT_ONCE, DispatchPlan
from secretary_notifier.fairness.fair_queue import FairQueue
from secretary_notifier.verdict import Answer, DeliveryVerdict, decide_without_attempt

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
POLL_SEC = 5.0


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def due(number: int = 1, origin: str = "a", phase: Phase = Phase.COMPLETED) -> DueDelivery:
    """The delivery of event *number* of a job with the same name as its origin."""
    return DueDelivery(
        f"msg_job-{origin}_{number}",
        f"job-{origin}",
        number,
        f"key-{origin}",
        origin,
        phase=phase,
        tries=0,
    )


def planned() -> tuple[FairQueue, DispatchPlan]:
    queue = FairQueue(slots=8, per_origin=1)
    return queue, DispatchPlan(queue, poll_interval_sec=POLL_SEC)


def lanes(*origins: str) -> dict[Lane, datetime]:
    """The first attempts of *origins*, the first origin due first."""
    return {Lane(one, is_retry=False): after(n - len(origins)) for n, one in enumerate(origins)}


def taken(queue: FairQueue) -> list[str]:
    found = []
    while item := queue.take(NOW):
        found.append(item.delivery_id)
    return found


def deliver_all(queue: FairQueue) -> None:
    """Deliver all that waits in *queue*, slowly."""
    while one := queue.take(NOW):
        queue.release_slot(one, NOW, failed=False, took_sec=2.0)
        queue.forget(one, NOW)


def test_a_round_reads_first_the_lanes_of_which_nothing_waits_in_memory() -> None:
    _, plan = planned()
    plan.offer([due(origin="a")], NOW)
    choice = plan.choose_lanes(lanes("a", "b", "c"), NOW)
    assert [lane.origin for lane in choice.chosen] == ["b", "c", "a"]


def test_lanes_that_are_due_later_are_not_read_but_waited_for() -> None:
    _, plan = planned()
    later = {Lane("z", is_retry=False): after(30), Lane("y", is_retry=True): after(20)}
    choice = plan.choose_lanes({**lanes("a"), **later}, NOW)
    assert choice.due == choice.chosen == [Lane("a", is_retry=False)]
    assert choice.next_at == after(20)


def test_the_lane_of_a_paused_receiver_is_due_but_not_read() -> None:
    queue, plan = planned()
    for number in range(10):
        assert queue.offer(due(number))
        assert queue.take(NOW) is not None
        queue.release_slot(due(number), NOW, failed=True, took_sec=1.0)
        queue.forget(due(number), NOW)
    choice = plan.choose_lanes(lanes("a", "b"), NOW)
    assert [lane.origin for lane in choice.due] == ["a", "b"]
    assert [lane.origin for lane in choice.chosen] == ["b"]


def test_lanes_that_a_round_leaves_out_are_read_when_the_receiver_is_free() -> None:
    _, plan = planned()
    plan.begin_round()
    choice = plan.choose_lanes(lanes(*(f"o{n}" for n in range(LANES_AT_ONCE + 1))), NOW)
    assert len(choice.chosen) == LANES_AT_ONCE
    assert not plan.end_round(choice, found=LANES_AT_ONCE - 1, any_new=True)
    assert plan.needs_more("o1")
    plan.begin_round()
    assert not plan.needs_more("o1")


def test_a_round_that_read_as_much_as_it_may_is_followed_by_another_only_if_it_found_new() -> None:
    _, plan = planned()
    choice = plan.choose_lanes(lanes("a"), NOW)
    assert plan.end_round(choice, found=DUE_AT_ONCE, any_new=True)
    assert not plan.end_round(choice, found=DUE_AT_ONCE, any_new=False)
    assert not plan.end_round(choice, found=DUE_AT_ONCE - 1, any_new=True)


def test_a_full_queue_leaves_deliveries_in_the_store_and_knows_it() -> None:
    queue, plan = planned()
    plan.begin_round()
    many = [due(number) for number in range(1000)]
    assert plan.offer(many, NOW)
    assert len(queue) < len(many)
    assert not plan.needs_more("a")  # enough of them wait in memory
    deliver_all(queue)
    assert plan.needs_more("a")


def test_an_origin_that_has_more_in_the_store_causes_no_reads_for_other_origins() -> None:
    queue, plan = planned()
    plan.begin_round()
    plan.offer([due(number) for number in range(1000)], NOW)
    choice = plan.choose_lanes(lanes("a", "b"), NOW)
    assert [lane.origin for lane in choice.chosen] == ["b"]  # the queue is full of "a"
    plan.end_round(choice, found=1, any_new=True)
    assert not plan.needs_more("b")
    deliver_all(queue)
    assert plan.needs_more("a")


def test_after_a_full_read_only_ends_at_origins_that_were_due_cause_another() -> None:
    _, plan = planned()
    plan.begin_round()
    choice = plan.choose_lanes(lanes("a", "b"), NOW)
    plan.end_round(choice, found=DUE_AT_ONCE, any_new=False)
    assert plan.needs_more("a")
    assert not plan.needs_more("other")


def test_a_delivery_that_could_not_be_claimed_is_left_alone_for_a_poll_interval() -> None:
    queue, plan = planned()
    plan.note_end(due(), None, NOW)
    assert not plan.offer([due()], NOW)
    assert not plan.take_new(due(), NOW)
    plan.end_waits(after(POLL_SEC - 1))
    assert not plan.offer([due()], NOW)
    plan.end_waits(after(POLL_SEC))
    assert plan.offer([due()], NOW)
    assert taken(queue) == [due().delivery_id]


def test_a_delivery_for_another_notifier_is_left_alone_longer_than_it_waits() -> None:
    _, plan = planned()
    verdict = DeliveryVerdict(DeliveryState.PENDING, next_attempt_at=after(60), is_for_others=True)
    plan.note_end(due(), verdict, NOW)
    plan.end_waits(after(60))
    assert not plan.offer([due()], after(60))
    plan.end_waits(after(60 + POLL_SEC))
    assert plan.offer([due()], after(60 + POLL_SEC))


def test_a_delivery_that_waits_for_its_next_attempt_is_not_left_to_others() -> None:
    _, plan = planned()
    retry = DeliveryVerdict(DeliveryState.PENDING, next_attempt_at=after(5))
    plan.note_end(due(), retry, NOW)
    assert plan.offer([due()], after(5))


def test_after_progress_the_next_event_is_sought_and_after_an_end_only_a_postponed_one() -> None:
    _, plan = planned()
    assert plan.may_have_successor(due(1, phase=Phase.PROCESSING))
    assert not plan.may_have_successor(due(3))
    plan.note_end(due(6), None, NOW)
    assert plan.may_have_successor(due(3))
    assert not plan.may_have_successor(due(3, origin="b"))


def test_the_event_that_waited_for_another_is_claimed_at_once_when_that_one_has_ended() -> None:
    queue, plan = planned()
    plan.note_end(due(6), None, NOW)
    plan.resume(due(6))
    assert plan.offer([due(6)], NOW)
    assert taken(queue) == [due(6).delivery_id]


def test_a_delivery_that_waited_too_long_for_its_request_stops_claims_ahead() -> None:
    queue, plan = planned()
    quick = Answer(at=NOW, duration_ms=3, status_code=200)
    assert plan.take_new(due(1), NOW)
    plan.note_answer(due(1), quick, DeliveryVerdict(DeliveryState.DELIVERED), NOW)
    plan.offer([due(2), due(3), due(4)], NOW)
    assert taken(queue) == [due(2).delivery_id, due(3).delivery_id, due(4).delivery_id]
    plan.note_answer(due(2), None, decide_without_attempt(NOW), NOW)
    plan.offer([due(5), due(6)], NOW)
    assert taken(queue) == []


def test_the_last_answer_of_a_receiver_is_kept_for_operators() -> None:
    queue, plan = planned()
    refused = Answer(at=NOW, duration_ms=3, status_code=503)
    assert plan.take_new(due(), NOW)
    plan.note_answer(due(), refused, DeliveryVerdict(DeliveryState.PENDING, after(5)), NOW)
    [receiver] = queue.receivers(NOW, 10)
    assert (receiver.last_status, receiver.failures, receiver.in_flight) == (503, 1, 0)
