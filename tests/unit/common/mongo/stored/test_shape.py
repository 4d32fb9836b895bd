"""Documents are compared with their models as strictly as MongoDB's operators."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.odd_documents import OF_EACH_TYPE
from support.stored_samples import waiting_job

from secretary_common.models import Job
from secretary_common.mongo.stored.reader import Reader, Reading
from secretary_common.mongo.stored.shape import shape_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOBS: Reader[Job] = Reader("jobs", Job, id_field="job_id", words={"status": "processing"})


def read(**changed: Any) -> Reading[Job]:
    return JOBS.read({**waiting_job(NOW, "https://example.com/hook"), **changed})


def test_a_document_of_this_version_is_read() -> None:
    job = read().value
    assert job is not None
    assert (job.job_id, job.attempt, job.webhook and job.webhook.client_job_id) == (
        "job-sample",
        1,
        "mine",
    )


def test_unknown_fields_are_ignored_at_each_level() -> None:
    hook = {"url": "https://example.com/hook", "retry": "quick"}
    assert read(colour="blue", webhook=hook).value is not None


def test_a_whole_double_is_an_integer() -> None:
    job = read(attempt=2.0).value
    assert job is not None
    assert (job.attempt, type(job.attempt)) == (2, int)


@pytest.mark.parametrize("kind", [kind for kind in OF_EACH_TYPE if kind not in ("missing", "int")])
def test_a_count_of_another_type_or_size_is_a_fault(kind: str) -> None:
    reading = read(attempt=OF_EACH_TYPE[kind])
    assert reading.value is None
    assert [fault.top for fault in reading.faults] == ["attempt"]


def test_a_fault_names_the_field_and_the_types_but_not_the_value() -> None:
    [fault] = read(lease={"owner": 7, "token": "t", "expires_at": NOW}).faults
    assert str(fault) == "lease.owner: is of the type int; string is expected"
    [fault] = read(user_id=["secret"]).faults
    assert "secret" not in str(fault)


def test_every_unreadable_field_is_found() -> None:
    found = {fault.top for fault in read(attempt="1", tags=[7], webhook={}, run_at=None).faults}
    assert found == {"attempt", "tags", "webhook", "run_at"}


def test_faults_have_the_order_of_the_model_whatever_the_order_of_the_document() -> None:
    document = {**waiting_job(NOW, "https://example.com"), "tags": [7], "attempt": "1"}
    del document["owner"]
    found = [fault.top for fault in JOBS.read(dict(reversed(document.items()))).faults]
    assert found == [name for name in Job.model_fields if name in {"owner", "attempt", "tags"}]


def test_a_part_with_a_value_that_the_model_refuses_is_a_fault() -> None:
    [fault] = read(progress={"step": "reading", "percent": 300}).faults
    assert str(fault) == "progress.percent: has a value that this version refuses"
    slots = {"seq": "1", "run": 1, "phase": "completed", "due_at": NOW}
    found = [fault.field for fault in read(notify=slots, progress={"percent": -1}).faults]
    assert sorted(found) == ["notify.seq", "progress.percent"]


def test_an_unknown_word_belongs_to_a_newer_version() -> None:
    reading = read(status="parked", attempt="1")
    assert not reading.is_unreadable
    assert reading.newer is not None
    assert reading.newer.word == "parked"
    shown = read(status="parked").value
    assert shown is not None
    assert (shown.status, shown.has_ended, bool(shown.newer)) == ("parked", False, True)


def test_an_unknown_word_in_a_part_leaves_the_rest_readable() -> None:
    slot = {"seq": 1, "run": 1, "phase": "started", "due_at": NOW}
    shown = read(notify=slot).value
    assert shown is not None
    assert (shown.status, shown.notify, bool(shown.newer)) == ("pending", None, True)


def test_fields_that_a_read_left_out_are_not_missing() -> None:
    document = {**waiting_job(NOW, "https://example.com"), "job_id": "job-1"}
    del document["owner"]
    assert shape_of(document, Job, left_out=["owner"]).faults == []
    assert [fault.top for fault in shape_of(document, Job).faults] == ["owner"]
