"""Each way in which an attempt can end has one verdict."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.models import Job, JobError, JobStatus, Outcome
from secretary_worker.attempt.settlement import storable
from secretary_worker.attempt.verdict import (
    LONGEST_WAIT_SEC,
    TRACEBACK_BYTES,
    Ending,
    Interruption,
    Verdict,
    decide,
    verdict_of_status,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(**fields: Any) -> Job:
    given = {"job_id": "job-1", "job_type": "pdf", "owner": "key-1", "attempt": 1}
    times = dict.fromkeys(("run_at", "created_at", "updated_at"), NOW)
    return Job.model_validate({**given, **times, **fields})


def verdict(ending: Ending, **fields: Any) -> Verdict:
    made = decide(job(**fields), ending, NOW, 0.0)
    assert made is not None
    return made


def raised(error: BaseException) -> Ending:
    return Ending(raised=error)


def test_a_handler_that_returns_completes_its_job() -> None:
    assert verdict(Ending()) == Verdict(Outcome.COMPLETED)


def test_a_handler_that_returns_after_reporting_an_error_fails_without_retry() -> None:
    error = JobError(code="X", message="no")
    assert verdict(Ending(reported_error=error)) == Verdict(Outcome.FAILED, error)


def test_a_permanent_error_fails_at_once() -> None:
    made = verdict(raised(PermanentError("no", code="PDF_INVALID", details={"page": 1})))
    error = JobError(code="PDF_INVALID", message="no", details={"page": 1})
    assert made == Verdict(Outcome.FAILED, error)


def test_a_transient_error_is_tried_again_at_the_time_it_names() -> None:
    made = verdict(raised(TransientError("later", retry_after=42)))
    assert (made.outcome, made.run_at) == (Outcome.RETRY, NOW + timedelta(seconds=42))


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5), (2, 10), (3, 20), (8, 600), (50, 600)])
def test_the_backoff_doubles_up_to_ten_minutes(attempt: int, seconds: float) -> None:
    made = verdict(raised(ValueError("boom")), attempt=attempt, max_attempts=99)
    assert made.run_at == NOW + timedelta(seconds=seconds)


def test_jitter_only_adds() -> None:
    made = decide(job(), raised(ValueError()), NOW, 0.999)
    assert made is not None
    assert made.run_at is not None
    assert NOW + timedelta(seconds=5) < made.run_at < NOW + timedelta(seconds=5.5)


def test_the_last_attempt_fails_for_good() -> None:
    made = verdict(raised(TransientError("later", retry_after=1)), attempt=3)
    assert (made.outcome, made.run_at) == (Outcome.FAILED, None)


def test_forgiven_attempts_do_not_count() -> None:
    assert verdict(raised(ValueError()), attempt=3, forgiven=1).outcome is Outcome.RETRY


def test_an_unknown_exception_becomes_its_type_and_the_end_of_its_traceback() -> None:
    try:
        raise KeyError("x" * 10_000)
    except KeyError as error:
        made = verdict(raised(error))
    assert made.error is not None
    assert made.error.code == ErrorCode.PROCESSING_ERROR
    assert made.error.details is not None
    assert made.error.details["error_type"] == "KeyError"
    assert len(made.error.details["traceback"]) <= TRACEBACK_BYTES


def test_a_timeout_is_tried_again() -> None:
    made = verdict(Ending(interruption=Interruption.TIMED_OUT))
    assert made.outcome is Outcome.RETRY
    assert made.error is not None
    assert made.error.code == ErrorCode.JOB_TIMEOUT


def test_shutdown_is_not_failure() -> None:
    made = verdict(Ending(interruption=Interruption.SHUTDOWN), attempt=3)
    assert made == Verdict(Outcome.HANDED_BACK, run_at=NOW, reason="shutdown")


def test_a_requested_cancellation_cancels() -> None:
    ending = Ending(interruption=Interruption.CANCEL_REQUESTED)
    assert verdict(ending) == Verdict(Outcome.CANCELLED)


def test_a_lost_lease_writes_nothing() -> None:
    ending = Ending(interruption=Interruption.LEASE_LOST, raised=ValueError())
    assert decide(job(), ending, NOW, 0.0) is None


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("7", 7), (1e12, LONGEST_WAIT_SEC), (float("inf"), LONGEST_WAIT_SEC), (-3, 0)],
)
def test_a_handler_chooses_the_wait_within_limits(asked: Any, seconds: float) -> None:
    made = verdict(raised(TransientError("later", retry_after=asked)))
    assert made.run_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("asked", ["soon", float("nan"), [], object()])
def test_a_wait_that_is_no_number_leaves_the_backoff(asked: Any) -> None:
    made = verdict(raised(TransientError("later", retry_after=asked)))
    assert made.run_at == NOW + timedelta(seconds=5)


def test_an_error_with_values_of_any_type_reaches_the_job() -> None:
    odd: list[Any] = [[1, 2], "text", 7]
    for details in odd:
        error = verdict(raised(PermanentError("m", code="C", details=details))).error
        assert error == JobError(code="C", message="m", details={"details": details})
    message: Any = {"a": 1}
    code: Any = 7
    error = verdict(raised(PermanentError(message, code=code))).error
    assert error == JobError(code="7", message="{'a': 1}")


def test_a_handler_that_ends_its_job_itself_may_have_set_an_error() -> None:
    error = JobError(code="C", message="m")
    assert verdict_of_status(JobStatus.FAILED, error) == Verdict(Outcome.FAILED, error)
    default = verdict_of_status(JobStatus.FAILED, None).error
    assert default is not None
    assert default.code == ErrorCode.PROCESSING_ERROR
    assert verdict_of_status(JobStatus.COMPLETED, error) == Verdict(Outcome.COMPLETED)


class Unprintable(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class WithoutFields(PermanentError):
    """Does not call the ``__init__`` of its base."""

    def __init__(self) -> None:
        """Set nothing."""


class OddFields(TransientError):
    """Has fields of any type."""

    def __init__(self) -> None:
        super().__init__("odd")
        self.message = Unprintable()  # type: ignore[assignment]
        self.details = {1: Unprintable()}  # type: ignore[dict-item]
        self.retry_after = Unprintable()  # type: ignore[assignment]


class RaisingField(TransientError):
    """Raises when its wait is read."""

    @property
    def retry_after(self) -> float | None:
        raise SystemExit

    @retry_after.setter
    def retry_after(self, _: float | None) -> None:
        """Accept the value that the base sets."""


class RaisingClass(Exception):
    """Raises in ``isinstance``, as a proxy whose target is gone."""

    def __getattribute__(self, name: str) -> Any:
        raise ReferenceError(name)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Unprintable(), Outcome.RETRY),
        (RaisingField(), Outcome.RETRY),
        (RaisingClass(), Outcome.RETRY),
        (WithoutFields(), Outcome.FAILED),
        (OddFields(), Outcome.RETRY),
        (SystemExit(3), Outcome.RETRY),
        (KeyboardInterrupt(), Outcome.RETRY),
        (GeneratorExit(), Outcome.RETRY),
        (asyncio.CancelledError(), Outcome.RETRY),
        (BaseExceptionGroup("several", [SystemExit(), Unprintable()]), Outcome.RETRY),
        (ExceptionGroup("one", [PermanentError("no")]), Outcome.FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_any_exception_has_a_verdict_that_can_be_stored(
    error: BaseException, outcome: Outcome
) -> None:
    made = verdict(raised(error))
    assert made.outcome is outcome
    assert made.error is not None
    assert bson.encode(storable(made.error).model_dump())
