"""Spans form trees, and cost nothing while tracing is off."""

import random
import threading
from collections.abc import Iterator

import pytest

from secretary_common.observing import otlp, tracing
from secretary_common.observing.trace_context import SpanContext, context_of
from secretary_common.observing.tracing import NO_SPAN, Kind, Span, Tracer, span

HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def ended() -> Iterator[list[Span]]:
    """Turn tracing on; give the spans that have ended."""
    spans: list[Span] = []
    tracing.start(Tracer(spans.append, rng=random.Random(1)))
    yield spans
    tracing.stop()


def test_without_tracing_there_are_no_spans_and_no_headers() -> None:
    with span("request") as made:
        assert made is NO_SPAN
        assert tracing.current() is None
        assert tracing.current_header() is None
        assert tracing.separate_header("job") is None


def test_a_span_inside_another_is_its_child(ended: list[Span]) -> None:
    with span("request", kind=Kind.SERVER), span("store"):
        pass
    store, request = ended
    assert request.parent is None
    assert store.parent == request.context
    assert request.start_ns <= store.start_ns <= store.end_ns <= request.end_ns


def test_a_span_continues_the_trace_of_a_header(ended: list[Span]) -> None:
    with span("request", parent=context_of(HEADER)):
        header = tracing.current_header()
    assert ended[0].context.trace == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert context_of(header) == ended[0].context


def test_a_trace_that_its_client_does_not_record_is_not_exported(ended: list[Span]) -> None:
    with span("request", parent=context_of(f"{HEADER[:-2]}00")), span("store"):
        assert context_of(tracing.current_header()) is not None
    assert ended == []


def test_only_a_share_of_new_traces_is_recorded() -> None:
    spans: list[Span] = []
    tracing.start(Tracer(spans.append, sample_ratio=0.25, rng=random.Random(1)))
    for _ in range(400):
        with span("request"):
            pass
    tracing.stop()
    assert 60 < len(spans) < 140


def test_an_exception_marks_the_span_as_failed(ended: list[Span]) -> None:
    with pytest.raises(ValueError, match="no"), span("request"):
        raise ValueError("no")
    assert ended[0].error == "ValueError"


def test_each_step_is_a_child_and_ends_with_the_next_one(ended: list[Span]) -> None:
    with span("handle"):
        handle = tracing.current()
        assert handle is not None
        for step in ("reading", "reading", "writing"):
            handle.begin_step(step)
            with span("call"):
                pass
    assert [one.name for one in ended] == [
        *("call", "call", "reading", "call", "writing", "handle")
    ]
    assert [one.parent for one in ended] == [
        *(ended[2].context, ended[2].context, handle.context),
        *(ended[4].context, handle.context, None),
    ]


def test_a_separate_trace_is_linked_to_its_cause(ended: list[Span]) -> None:
    with span("request"):
        header = tracing.separate_header("job of a batch")
    job, request = ended
    assert context_of(header) == job.context
    assert job.context.trace_id != request.context.trace_id
    assert job.links == [request.context]


def test_a_handler_attaches_its_span_for_other_code() -> None:
    attached: list[SpanContext] = []
    tracing.start(Tracer(lambda _: None, attach=attached.append))
    tracing.enter_handler()
    with span("handle"):
        tracing.enter_handler()
        here = tracing.current()
    tracing.stop()
    assert here is not None
    assert attached == [here.context]


def test_a_service_that_ends_waits_only_shortly_for_a_collector_that_does_not_answer() -> None:
    left: list[float] = []
    never = threading.Event()

    def close() -> None:
        never.wait(60)
        left.append(1.0)

    otlp.leave_after(close, seconds=0.01)
    assert left == []
    never.set()
