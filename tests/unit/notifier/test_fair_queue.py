"""Who is sent next."""

from secretary_common.models import DueDelivery
from secretary_notifier.fair_queue import BACKLOG_PER_SLOT, FairQueue


def due(number: int, origin: str = "a", tries: int = 0) -> DueDelivery:
    job_id = f"job-{origin}{number}"
    return DueDelivery(f"msg_{job_id}_1", job_id, origin, is_terminal_event=True, tries=tries)


def taken(queue: FairQueue) -> list[str]:
    found = []
    while item := queue.take():
        found.append(item.job_id.removeprefix("job-"))
    return found


def test_an_origin_never_has_more_in_flight_than_its_cap() -> None:
    queue = FairQueue(slots=10, per_origin=2)
    items = [due(number) for number in range(4)]
    for item in items:
        queue.offer(item)
    assert taken(queue) == ["a0", "a1"]
    queue.done(items[0])
    assert taken(queue) == ["a2"]


def test_all_origins_together_stay_inside_the_global_cap() -> None:
    queue = FairQueue(slots=3, per_origin=2)
    for origin in "abc":
        for number in range(2):
            queue.offer(due(number, origin))
    assert len(taken(queue)) == 3
    assert queue.in_flight == 3


def test_origins_take_turns() -> None:
    queue = FairQueue(slots=6, per_origin=3)
    for origin in "ab":
        for number in range(3):
            queue.offer(due(number, origin))
    assert taken(queue) == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_full_origin_holds_up_no_other() -> None:
    queue = FairQueue(slots=10, per_origin=1)
    for number in range(5):
        queue.offer(due(number, "hanging"))
    queue.offer(due(0, "healthy"))
    assert taken(queue) == ["hanging0", "healthy0"]


def test_first_tries_go_before_retries() -> None:
    queue = FairQueue(slots=10, per_origin=10)
    queue.offer(due(0, tries=3))
    queue.offer(due(1))
    assert taken(queue) == ["a1", "a0"]


def test_retries_leave_slots_for_first_tries() -> None:
    queue = FairQueue(slots=4, per_origin=4)
    for number in range(4):
        queue.offer(due(number, tries=1))
    assert len(taken(queue)) == 3
    queue.offer(due(9, "b"))
    assert taken(queue) == ["b9"]


def test_a_delivery_is_taken_in_once() -> None:
    queue = FairQueue(slots=1, per_origin=1)
    item = due(0)
    assert queue.offer(item)
    assert not queue.offer(item)
    assert queue.take() is item
    assert not queue.offer(item)
    queue.done(item)
    assert queue.offer(item)


def test_an_origin_holds_a_bounded_backlog() -> None:
    queue = FairQueue(slots=1, per_origin=1)
    accepted = [queue.offer(due(number)) for number in range(BACKLOG_PER_SLOT + 5)]
    assert accepted.count(True) == BACKLOG_PER_SLOT == len(queue)
    assert queue.full_origins() == ["a"]
    assert not queue.is_hungry("a")
    assert queue.offer(due(99, tries=1)), "its retries are counted apart"


def test_an_origin_with_less_than_it_can_send_is_hungry() -> None:
    queue = FairQueue(slots=4, per_origin=2)
    assert queue.is_hungry("a")
    queue.offer(due(0))
    queue.offer(due(1))
    assert not queue.is_hungry("a")
