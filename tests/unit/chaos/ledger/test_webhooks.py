"""The ledger finds ends that were not delivered, are ambiguous, or are followed by progress."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chaos.ledger.evidence import Breach
from chaos.ledger.webhooks import repeats
from support.chaos_samples import ENDPOINT, JOB, START, Case, at_endpoint, webhook

END = webhook("completed", 2, START + 2.1)
UNDELIVERED = (Breach.UNDELIVERED, "the end of run 1 was never delivered")


@pytest.mark.parametrize("status", [0, 410, 500, 503])
def test_an_end_that_the_receiver_never_accepted_is_missing(status: int) -> None:
    assert Case(webhooks=[replace(END, status=status)]).breaches() == [UNDELIVERED]
    assert Case(webhooks=[]).breaches() == [UNDELIVERED]


def test_an_end_that_the_receiver_accepted_later_is_no_breach() -> None:
    assert Case(webhooks=[replace(END, status=500), replace(END, at=END.at + 1)]).breaches() == []


def test_the_end_of_an_earlier_run_must_be_delivered_too() -> None:
    case = Case()
    case.retry()
    case.webhooks = [one for one in case.webhooks if one.run == 2]
    assert case.breaches() == [UNDELIVERED]


def test_the_end_of_an_earlier_run_may_be_superseded() -> None:
    case = Case(superseded=frozenset({(JOB, 1)}))
    case.retry()
    case.webhooks = [one for one in case.webhooks if one.run == 2]
    assert case.breaches() == []


def test_the_end_of_the_last_run_is_never_superseded() -> None:
    assert Case(webhooks=[], superseded=frozenset({(JOB, 1)})).breaches() == [UNDELIVERED]


def test_one_event_with_two_bodies_is_a_second_commit() -> None:
    case = Case(webhooks=[END, replace(END, body=END.body + b" ")])
    assert case.breaches() == [(Breach.TWICE, f"msg_{JOB}_2 came with 2 different bodies")]


def test_the_end_of_a_run_under_two_ids_is_a_second_commit() -> None:
    case = Case(webhooks=[END, webhook("completed", 3, START + 3)])
    expected = f"the end of run 1 was delivered as msg_{JOB}_2, msg_{JOB}_3"
    assert case.breaches() == [(Breach.TWICE, expected)]


def test_the_same_bytes_again_are_counted_and_no_breach() -> None:
    webhooks = [END, replace(END, at=END.at + 1)]
    assert Case(webhooks=webhooks).breaches() == []
    assert repeats(webhooks) == 1
    assert repeats([replace(END, status=500), END]) == 0


def test_progress_after_the_end_is_found() -> None:
    late = webhook("processing", 1, END.at + 0.5)
    expected = "progress (seq 1) came 0.50 s after the end (seq 2)"
    assert Case(webhooks=[END, late]).breaches() == [(Breach.UNEXPECTED, expected)]


def test_progress_of_the_next_run_is_no_breach() -> None:
    case = Case()
    case.retry()
    case.webhooks.insert(2, webhook("processing", 4, START + 4.5, run=2))
    assert case.breaches() == []


def test_an_end_with_other_results_is_wrong() -> None:
    case = Case(webhooks=[replace(END, data={"number": 8})])
    assert [breach for breach, _ in case.breaches()] == [Breach.WRONG]


def test_an_end_of_another_kind_is_wrong() -> None:
    case = Case(webhooks=[webhook("failed", 2, START + 2.1)])
    assert case.breaches() == [(Breach.WRONG, "delivered as failed, stored as completed")]


def test_a_bad_signature_is_found() -> None:
    case = Case(webhooks=[replace(END, signature_fault="no signature matches")])
    assert case.breaches() == [(Breach.UNEXPECTED, f"msg_{JOB}_2: no signature matches")]


def test_an_id_that_does_not_name_its_event_is_found() -> None:
    case = Case(webhooks=[replace(END, webhook_id="msg_other_2")])
    assert case.breaches() == [(Breach.UNEXPECTED, "webhook-id 'msg_other_2' for seq 2")]


def test_an_attempt_that_the_notifier_itself_failed_is_found() -> None:
    case = Case(own_failures=[(f"msg_{JOB}_2", "connect: Too many open files")])
    expected = "an attempt was spent on: connect: Too many open files"
    assert case.breaches() == [(Breach.BLAMELESS, expected)]


def test_progress_that_is_off_is_found() -> None:
    case = Case()
    case.job["webhook"] = {"progress": False}
    assert case.breaches() == [(Breach.UNEXPECTED, "progress was delivered although it is off")]


def case_with_endpoint() -> Case:
    case = Case()
    case.give_endpoint()
    return case


def test_an_endpoint_gets_the_events_as_the_own_webhook_does() -> None:
    assert case_with_endpoint().breaches() == []


def test_an_end_that_only_one_of_two_receivers_got_is_missing() -> None:
    case = case_with_endpoint()
    case.webhooks.remove(at_endpoint(END))
    missing = f"{UNDELIVERED[1]} to the endpoint"
    assert case.breaches() == [(Breach.UNDELIVERED, missing)]
    case = case_with_endpoint()
    case.webhooks.remove(END)
    assert case.breaches() == [UNDELIVERED]


def test_an_end_is_superseded_at_each_receiver_by_itself() -> None:
    case = Case(superseded=frozenset({(f"{JOB}_{ENDPOINT}", 1)}))
    case.retry()
    case.give_endpoint()
    case.webhooks.remove(at_endpoint(END))
    assert case.breaches() == []
    case.webhooks.remove(END)
    assert case.breaches() == [UNDELIVERED]


def test_progress_after_the_end_at_an_endpoint_is_found() -> None:
    case = case_with_endpoint()
    case.webhooks.append(at_endpoint(webhook("processing", 1, END.at + 0.5)))
    expected = "progress (seq 1) came 0.50 s after the end (seq 2)"
    assert case.breaches() == [(Breach.UNEXPECTED, expected)]


def test_a_job_that_does_not_name_the_endpoint_of_its_key_is_found() -> None:
    case = case_with_endpoint()
    del case.job["endpoints"]
    case.webhooks = [one for one in case.webhooks if not one.at_endpoint]
    expected = "the job names 0 endpoints, its key has 1"
    assert case.breaches() == [(Breach.UNDELIVERED, expected)]


def test_a_job_whose_webhooks_arrived_and_that_is_not_stored_is_lost() -> None:
    case = Case(executions=[])
    case.jobs.clear()
    assert (Breach.LOST, "its webhooks arrived, and it is not in MongoDB") in case.breaches()
