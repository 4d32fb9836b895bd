"""One trace shows a job from the client's request to the webhook, over all services."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.collector import Collector, Exported, tree

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack
from secretary_devstack.provider import ChatReply, FakeProvider
from secretary_devstack.provider.answers import example
from secretary_devstack.servers.receiver import Receiver

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    def reply(request: dict[str, Any]) -> ChatReply:
        return ChatReply(json.dumps(example(request["response_format"]["json_schema"]["schema"])))

    with FakeProvider(reply=reply) as running:
        yield running


@pytest.fixture(scope="module")
def traced(
    start_shared_stack: Callable[..., Stack],
    amqp_url: str,
    collector: Collector,
    provider: FakeProvider,
) -> Stack:
    """A system that exports its traces every quarter of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "250")
        return start_shared_stack(
            {
                "tracing.endpoint": collector.endpoint,
                "llm.base_url": provider.base_url,
                "llm.api_key": provider.key,
                "llm.model": "model-1",
                "log.format": "json",
            },
            amqp_url=amqp_url,
        )


def submit(client: JobClient, body: dict[str, Any], path: str = "/api/jobs/") -> dict[str, Any]:
    """Submit as a client that has a trace of its own."""
    answer = client.http.post(path, json=body, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    data: dict[str, Any] = answer.raise_for_status().json()["data"]
    return data


def awaited(collector: Collector, enough: Callable[[list[Exported]], bool]) -> list[Exported]:
    wait_until(lambda: enough(collector.spans()), timeout_sec=20, what="the spans")
    return collector.spans()


def of_job(spans: list[Exported], job_id: str) -> list[Exported]:
    """Return the trace of a job's first attempt."""
    attempts = [one for one in spans if one.attributes.get("job_id") == job_id]
    return [one for one in spans if attempts and one.trace_id == attempts[0].trace_id]


def names(spans: list[Exported]) -> list[str]:
    return [span.name for span in spans]


def test_one_tree_has_the_request_the_ring_the_attempt_and_the_webhook(
    traced: Stack,
    collector: Collector,
    receiver: Receiver,
) -> None:
    with traced.client() as client:
        parameters = {
            "text": "They met.",
            "template": "MeetingMinutes",
            "webhook": {"url": receiver.url(), "progress": False},
        }
        body = {"job_type": "transformer", "parameters": parameters}
        job_id = submit(client, body)["job_id"]
        assert client.wait(job_id, timeout_sec=30)["status"] == "completed"
    request, attempt = "POST /api/jobs/", "attempt transformer"
    # Each service exports by itself, so the spans of one may come after those of another.
    last = {request, "publish", attempt, "deliver completed"}
    spans = awaited(collector, lambda found: last <= set(names(of_job(found, job_id))))
    spans = of_job(spans, job_id)
    if shown := os.environ.get("SHOW_TRACE"):
        Path(shown).write_text(tree(spans))
    by_id = {span.span_id: span for span in spans}

    def above(name: str) -> list[str]:
        span = next(span for span in spans if span.name == name)
        found = []
        while span := by_id.get(span.parent_id):  # type: ignore[assignment] # None ends the loop
            found.append(span.name)
        return found

    assert {span.trace_id for span in spans} == {TRACE}
    assert next(span for span in spans if span.name == request).parent_id == PARENT
    assert above("publish") == [request]
    assert above("claim") == [attempt, request]
    assert above("handle") == [attempt, request]
    assert above("settle") == [attempt, request]
    assert above("deliver completed") == [attempt, request]
    calls = [span for span in spans if span.name.startswith("llm ")]
    assert calls
    steps = {span.span_id for span in spans if by_id.get(span.parent_id, span).name == "handle"}
    assert all(call.parent_id in steps for call in calls)
    services = {span.name: span.service for span in spans}
    assert services[request] == "secretary-api"
    assert services[attempt] == "secretary-worker"
    assert services["deliver completed"] == "secretary-notifier"
    (hook,) = receiver.requests
    delivered = next(span for span in spans if span.name == "deliver completed")
    assert hook.headers["traceparent"] == f"00-{TRACE}-{delivered.span_id}-01"


def test_each_wide_log_line_names_the_trace(traced: Stack, receiver: Receiver) -> None:
    with traced.client() as client:
        parameters = {"input": "data", "webhook": {"url": receiver.url(), "progress": False}}
        job_id = submit(client, {"job_type": "custom", "parameters": parameters})["job_id"]
        client.wait(job_id, timeout_sec=30)
    receiver.wait_for(lambda got: len(got) == 1, timeout_sec=15, what="the webhook")

    def lines(service: Any, event: str) -> list[dict[str, Any]]:
        read = (json.loads(line) for line in service.log.read_text().splitlines() if "{" in line)
        return [line for line in read if line["event"] == event]

    def of_the_job(service: Any, event: str) -> list[dict[str, Any]]:
        return [line for line in lines(service, event) if line.get("job_id") == job_id]

    wait_until(
        lambda: of_the_job(traced.notifiers[0], "delivery.attempted"), timeout_sec=10, what="a line"
    )
    assert {
        line["trace_id"]
        for line in lines(traced.apis[0], "request.answered")
        if line["method"] == "POST"
    } == {TRACE}
    for service, event in (
        (traced.workers[0], "job.claimed"),
        (traced.workers[0], "job.settled"),
        (traced.notifiers[0], "delivery.attempted"),
    ):
        assert [line["trace_id"] for line in of_the_job(service, event)] == [TRACE]


def test_jobs_of_a_batch_and_later_attempts_are_linked(traced: Stack, collector: Collector) -> None:
    with traced.client() as client:
        one = {"job_type": "custom", "parameters": {"input": "data"}}
        failing = {"job_type": "custom", "parameters": {}, "max_attempts": 2}
        ids = submit(client, {"jobs": [one, failing]}, "/api/jobs/batch")["job_ids"]
        assert client.wait(ids[0], timeout_sec=30)["status"] == "completed"
        assert client.wait(ids[1], timeout_sec=60)["status"] == "failed"

    def is_whole(found: list[Exported]) -> bool:
        attempts = sum(span.attributes.get("job_id") in ids for span in found)
        rooted = all(any(not one.parent_id for one in of_job(found, job_id)) for job_id in ids)
        return attempts == 3 and rooted and "POST /api/jobs/batch" in names(found)

    spans = awaited(collector, is_whole)
    batch = next(span for span in spans if span.name == "POST /api/jobs/batch")
    traces = [of_job(spans, job_id) for job_id in ids]
    assert len({trace[0].trace_id for trace in traces} | {batch.trace_id}) == 3
    for trace in traces:
        root = next(span for span in trace if not span.parent_id)
        assert root.links == [(batch.trace_id, batch.span_id)]
    first, second = [span for span in traces[1] if span.name == "attempt custom"]
    assert second.links == [(first.trace_id, first.span_id)]
    assert (first.has_failed, first.attributes["outcome"]) == (True, "retry")
    assert second.attributes["error_code"] == "PROCESSING_ERROR"
