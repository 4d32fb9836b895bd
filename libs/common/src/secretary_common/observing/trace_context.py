"""The place of a span in a trace, and its form in headers and in stored documents.

The context of the request that submitted a job is stored in the job and in its deliveries, as the
text of the header ``traceparent`` (https://www.w3.org/TR/trace-context). The span of an attempt has
an id that the job's id and the number of the attempt decide, so later attempts and deliveries can
name it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

TRACEPARENT = "traceparent"
_FORM = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class SpanContext:
    """The place of a span: its trace, and its id."""

    trace_id: int
    span_id: int
    is_sampled: bool = True

    @property
    def trace(self) -> str:
        """The id of the trace, as logs and tracing systems show it."""
        return f"{self.trace_id:032x}"

    def header(self) -> str:
        """Return the value of ``traceparent``."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.is_sampled):02x}"


def context_of(header: str | None) -> SpanContext | None:
    """Return the context in a header, or in a stored text; None if there is none."""
    found = _FORM.fullmatch(header) if header else None
    if found is None:
        return None
    trace_id, span_id = int(found[1], 16), int(found[2], 16)
    if not trace_id or not span_id:
        return None
    return SpanContext(trace_id, span_id, is_sampled=bool(int(found[3], 16) & _SAMPLED))


def attempt_context(header: str | None, job_id: str, attempt: int) -> SpanContext | None:
    """Return the context of an attempt's span in the trace that *header* names.

    Before the first attempt this is the context in *header* itself.
    """
    root = context_of(header)
    if root is None or attempt < 1:
        return root
    digest = hashlib.blake2b(f"{job_id}:{attempt}".encode(), digest_size=8).digest()
    return SpanContext(root.trace_id, int.from_bytes(digest) or 1, is_sampled=root.is_sampled)
