"""Exports spans by OTLP over HTTP, with OpenTelemetry's exporter.

The spans of ``tracing.py`` become spans of the SDK only when they have ended: the SDK's own spans
cost several times as much. Spans that handlers make with OpenTelemetry's API are exported too.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from secretary_common.errors import ConfigurationError
from secretary_common.observing import tracing
from secretary_common.observing.tracing import Span, SpanContext, Tracer
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

PATH = "/v1/traces"
QUEUED, BATCH, EXPORT_SEC = 8192, 512, 10
"""Spans that wait for their export; more are dropped, because a trace must delay no job."""
FLUSH_SEC = 3.0
"""How long a service that ends waits for the export of its last spans."""


@contextlib.contextmanager
def exported(
    service: str, endpoint: str, sample_ratio: float = 1.0, *, for_handlers: bool = False
) -> Iterator[None]:
    """Trace in the block, and export to *endpoint*; without one there is no tracing.

    Args:
        service: the name of this service in traces.
        endpoint: the address of a collector, e.g. ``http://collector:4318``.
        sample_ratio: the share of traces that are recorded.
        for_handlers: whether spans that other code makes with OpenTelemetry's API are exported too,
            below the span of its job.

    Raises:
        ConfigurationError: the packages of the extra ``tracing`` are not installed.
    """
    if not endpoint:
        yield
        return
    try:
        url = endpoint.rstrip("/") + PATH
        export, attach, close = _exporter(f"secretary-{service}", url, is_global=for_handlers)
    except ImportError as error:
        message = "tracing.endpoint is set, but secretary-common[tracing] is not installed"
        raise ConfigurationError(message) from error
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    tracing.start(
        Tracer(export, sample_ratio=sample_ratio, attach=attach if for_handlers else None)
    )
    log.info("tracing.started", endpoint=endpoint, sample_ratio=sample_ratio)
    try:
        yield
    finally:
        tracing.stop()
        leave_after(close, FLUSH_SEC)


def leave_after(close: Callable[[], Any], seconds: float) -> None:
    """Call *close*, and leave it behind after *seconds*: it retries while no collector answers."""
    closing = threading.Thread(target=close, name="tracing-close", daemon=True)
    closing.start()
    closing.join(seconds)


def _exporter(
    service: str, url: str, *, is_global: bool
) -> tuple[Callable[[Span], None], Callable[[SpanContext], None], Callable[[], Any]]:
    """Return three functions.

    The first queues a span for the export to *url*, the second makes a span the parent of spans of
    OpenTelemetry's API, and the third ends the export.

    Raises:
        ImportError: OpenTelemetry is not installed.
    """
    from opentelemetry import context as contexts  # noqa: PLC0415 - optional
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

    class OneResource(Resource):
        """The only resource of this process: the SDK hashes its resource for each span."""

        def __hash__(self) -> int:
            return 0

        def __eq__(self, other: object) -> bool:
            return self is other

    processor = BatchSpanProcessor(
        OTLPSpanExporter(endpoint=url, timeout=EXPORT_SEC),
        max_queue_size=QUEUED,
        max_export_batch_size=BATCH,
    )
    resource = OneResource(Resource.create({"service.name": service}).attributes)
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    if is_global:  # not in the API: FastAPI would trace each request too
        trace.set_tracer_provider(provider)
    scope = InstrumentationScope("secretary")
    kinds = list(trace.SpanKind)
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    ok = trace.Status(trace.StatusCode.UNSET)

    def place(context: SpanContext) -> trace.SpanContext:
        return trace.SpanContext(
            context.trace_id, context.span_id, is_remote=False, trace_flags=flags
        )

    def export(span: Span) -> None:
        failed = span.error
        processor.on_end(
            ReadableSpan(
                name=span.name,
                context=place(span.context),
                parent=place(span.parent) if span.parent else None,
                resource=resource,
                attributes=span.attributes,
                links=[trace.Link(place(link)) for link in span.links],
                kind=kinds[span.kind],
                status=trace.Status(trace.StatusCode.ERROR, failed) if failed else ok,
                start_time=span.start_ns,
                end_time=span.end_ns,
                instrumentation_scope=scope,
            )
        )

    def attach(context: SpanContext) -> None:
        above = trace.NonRecordingSpan(place(context))
        contexts.attach(trace.set_span_in_context(above))  # until the task of the handler ends

    return export, attach, provider.shutdown
