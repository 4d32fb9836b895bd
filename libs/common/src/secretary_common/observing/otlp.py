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
from secretary_common.observing.tracing import Tracer
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

PATH = "/v1/traces"
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
        from secretary_common.observing.otlp_exporter import OtlpExporter  # noqa: PLC0415 - may be missing
    except ImportError as error:
        message = "tracing.endpoint is set, but secretary-common[tracing] is not installed"
        raise ConfigurationError(message) from error
    exporter = OtlpExporter(
        f"secretary-{service}", endpoint.rstrip("/") + PATH, is_global=for_handlers
    )
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    tracing.start(
        Tracer(
            exporter.export,
            sample_ratio=sample_ratio,
            attach=exporter.attach if for_handlers else None,
        )
    )
    log.info("tracing.started", endpoint=endpoint, sample_ratio=sample_ratio)
    try:
        yield
    finally:
        tracing.stop()
        leave_after(exporter.close, FLUSH_SEC)


def leave_after(close: Callable[[], Any], seconds: float) -> None:
    """Call *close* in a thread, and return after *seconds* at most.

    *close* repeats its requests while no collector answers, and the end of a service must not wait
    for that.
    """
    closing = threading.Thread(target=close, name="tracing-close", daemon=True)
    closing.start()
    closing.join(seconds)
