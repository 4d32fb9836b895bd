"""Turns ended spans into spans of OpenTelemetry's SDK, and queues them for the export.

This module needs the packages of the extra ``tracing``.
"""

from __future__ import annotations

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from secretary_common.observing.trace_context import SpanContext
from secretary_common.observing.tracing import Span

QUEUED = 8192
"""Spans that wait for their export; more are dropped, because a trace must delay no job."""
BATCH = 512
EXPORT_SEC = 10

_SCOPE = InstrumentationScope("secretary")
_KINDS = list(trace.SpanKind)
_FLAGS = trace.TraceFlags(trace.TraceFlags.SAMPLED)
_OK = trace.Status(trace.StatusCode.UNSET)


class OneResource(Resource):
    """The only resource of this process: the SDK hashes its resource for each span."""

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return self is other


class OtlpExporter:
    """Exports the spans of this process to one collector. Thread-safe."""

    def __init__(self, service: str, url: str, *, is_global: bool) -> None:
        """Start the thread that exports to *url*.

        Args:
            service: the name of the service in traces.
            url: where the collector takes traces by OTLP over HTTP.
            is_global: whether spans that other code makes with OpenTelemetry's API are exported
                too. Not in the API, because FastAPI would trace each request too.
        """
        self._resource = OneResource(Resource.create({"service.name": service}).attributes)
        self._processor = BatchSpanProcessor(
            OTLPSpanExporter(endpoint=url, timeout=EXPORT_SEC),
            max_queue_size=QUEUED,
            max_export_batch_size=BATCH,
        )
        self._provider = TracerProvider(resource=self._resource, shutdown_on_exit=False)
        self._provider.add_span_processor(self._processor)
        if is_global:
            trace.set_tracer_provider(self._provider)

    def export(self, span: Span) -> None:
        """Queue *span*, which has ended."""
        failed = span.error
        self._processor.on_end(
            ReadableSpan(
                name=span.name,
                context=_context_of(span.context),
                parent=_context_of(span.parent) if span.parent else None,
                resource=self._resource,
                attributes=span.attributes,
                links=[trace.Link(_context_of(link)) for link in span.links],
                kind=_KINDS[span.kind],
                status=trace.Status(trace.StatusCode.ERROR, failed) if failed else _OK,
                start_time=span.start_ns,
                end_time=span.end_ns,
                instrumentation_scope=_SCOPE,
            )
        )

    def attach(self, context: SpanContext) -> None:
        """Make the span of *context* the parent of spans of OpenTelemetry's API in this task."""
        above = trace.NonRecordingSpan(_context_of(context))
        contexts.attach(trace.set_span_in_context(above))

    def close(self) -> None:
        """Export what is queued, and end the thread."""
        self._provider.shutdown()


def _context_of(context: SpanContext) -> trace.SpanContext:
    return trace.SpanContext(context.trace_id, context.span_id, is_remote=False, trace_flags=_FLAGS)
