"""A collector of traces: it takes OTLP over HTTP, as a real one does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from secretary_devstack.servers.receiver import Receiver


@dataclass(frozen=True)
class Exported:
    """One span as the collector got it. Ids are in hexadecimal digits."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    """The trace and the span of each link."""
    has_failed: bool


class Collector:
    """Collects spans while its ``with`` block runs."""

    def __init__(self) -> None:
        self._receiver = Receiver()

    @property
    def endpoint(self) -> str:
        """The setting ``tracing.endpoint``."""
        return self._receiver.url("")

    def __enter__(self) -> Self:
        self._receiver.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._receiver.__exit__(None, None, None)

    def spans(self) -> list[Exported]:
        """Return all spans so far, by their start."""
        found = [
            span
            for request in self._receiver.requests
            if request.path == "/v1/traces"
            for span in _spans_of(request.body)
        ]
        return sorted(found, key=lambda span: span.start_ns)


def _spans_of(body: bytes) -> list[Exported]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Exported(
            service=next(
                one.value.string_value
                for one in part.resource.attributes
                if one.key == "service.name"
            ),
            name=span.name,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            kind=span.kind,
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            attributes={one.key: _value(one.value) for one in span.attributes},
            links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
            has_failed=span.status.code == span.status.STATUS_CODE_ERROR,
        )
        for part in request.resource_spans
        for scope in part.scope_spans
        for span in scope.spans
    ]


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


def tree(spans: list[Exported]) -> str:
    """Return the spans as an indented tree, with their services and times in milliseconds."""
    known = {span.span_id for span in spans}
    began = min(span.start_ns for span in spans)

    def lines(parent: str | None, depth: int) -> list[str]:
        found = []
        for span in spans:
            above = span.parent_id if span.parent_id in known else None
            if above == parent:
                start, took = (span.start_ns - began) / 1e6, (span.end_ns - span.start_ns) / 1e6
                name = f"{'  ' * depth}{span.name}"
                found.append(f"{name:44} {span.service:20} at {start:7.1f} ms  {took:7.1f} ms")
                found += lines(span.span_id, depth + 1)
        return found

    return "\n".join(lines(None, 0))
