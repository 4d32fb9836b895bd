"""The ledger finds odd documents that did not have their fate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from chaos.ledger.evidence import Breach
from chaos.ledger.odd_documents import has_settled
from chaos.oddity import (
    DELIVERIES,
    DELIVERY_ODDITIES,
    JOB_ODDITIES,
    JOBS,
    Fate,
    OddDocument,
    Oddity,
)
from support.chaos_samples import START, Case, webhook

FAILED = {"status": "failed", "error": {"code": "UNREADABLE"}}
ENDS: dict[tuple[str, Fate], dict[str, Any]] = {
    (JOBS, Fate.SET_ASIDE): FAILED,
    (JOBS, Fate.SERVED): {"status": "completed"},
    (JOBS, Fate.LEFT): {},
    (DELIVERIES, Fate.SET_ASIDE): {"state": "dead"},
    (DELIVERIES, Fate.SERVED): {"state": "delivered"},
    (DELIVERIES, Fate.LEFT): {},
}
ALL = [(JOBS, one) for one in JOB_ODDITIES] + [(DELIVERIES, one) for one in DELIVERY_ODDITIES]


def case_of(collection: str, oddity: Oddity, **changed: Any) -> Case:
    odd = OddDocument("odd-0" if collection == JOBS else "msg_odd-0_1", collection, oddity)
    waiting = {"status": "pending"} if collection == JOBS else {"state": "pending"}
    stored = {**waiting, **oddity.fields, **ENDS[collection, oddity.fate], **changed}
    served = oddity.fate is Fate.SERVED and collection == DELIVERIES
    received = replace(webhook("completed", 1, START), webhook_id="msg_odd-0_1")
    return Case(odd=[(odd, stored)], odd_webhooks=[received] if served else [])


@pytest.mark.parametrize(("collection", "oddity"), ALL)
def test_an_odd_document_with_its_fate_is_no_breach(collection: str, oddity: Oddity) -> None:
    case = case_of(collection, oddity)
    assert case.breaches() == []
    assert all(has_settled(*pair) for pair in case.odd)


@pytest.mark.parametrize(("collection", "oddity"), ALL)
def test_an_odd_document_in_another_state_is_found(collection: str, oddity: Oddity) -> None:
    name = "status" if collection == JOBS else "state"
    wrong = {name: "processing"} if oddity.fate is not Fate.LEFT else dict.fromkeys(oddity.fields)
    case = case_of(collection, oddity, **wrong)
    assert [breach for breach, _ in case.breaches()] == [Breach.ODD]
    assert not any(has_settled(*pair) for pair in case.odd)


def test_an_odd_job_that_fails_with_another_error_is_found() -> None:
    case = case_of(JOBS, JOB_ODDITIES[0], error={"code": "WORKER_LOST"})
    expected = "attempt is a text: its status is failed, its error WORKER_LOST"
    assert case.breaches() == [(Breach.ODD, expected)]


def test_an_odd_document_that_is_gone_is_found() -> None:
    case = Case(odd=[(OddDocument("odd-0", JOBS, JOB_ODDITIES[0]), None)])
    assert case.breaches() == [(Breach.ODD, "attempt is a text: it is not stored any more")]


def test_an_unknown_field_must_stay() -> None:
    (unknown,) = [one for one in JOB_ODDITIES if one.fate is Fate.SERVED]
    case = case_of(JOBS, unknown, colour=None)
    expected = "a field is unknown: its colour is None, not 'blue'"
    assert case.breaches() == [(Breach.ODD, expected)]


def test_a_delivery_that_is_set_aside_must_not_be_sent() -> None:
    case = case_of(DELIVERIES, DELIVERY_ODDITIES[0])
    case.odd_webhooks = [replace(webhook("completed", 1, START), webhook_id="msg_odd-0_1")]
    assert case.breaches() == [(Breach.ODD, "tries is a text: it was delivered")]


def test_a_readable_delivery_must_be_sent() -> None:
    (unknown,) = [one for one in DELIVERY_ODDITIES if one.fate is Fate.SERVED]
    case = case_of(DELIVERIES, unknown)
    case.odd_webhooks = []
    assert case.breaches() == [(Breach.ODD, "a field is unknown: it never reached the receiver")]
