"""Traces of jobs: spans in trees, across processes. Off until ``start`` is called.

One tree shows a run of a job: the request that submitted the job, the ring, each attempt with its
claim, its handler's steps and the settlement, and each delivery. ``trace_context`` says how the
processes agree on the places in the tree.

This module imports no OpenTelemetry, and a span costs one call while tracing is off. ``otlp.py``
exports the spans.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from enum import IntEnum
from types import TracebackType
from typing import Self

from secretary_common.observing.trace_context import SpanContext

Value = str | int | float | bool


class Kind(IntEnum):
    """The kind of a span, with OpenTelemetry's numbers."""

    INTERNAL = 0
    SERVER = 1
    CLIENT = 2
    PRODUCER = 3
    CONSUMER = 4


@dataclass(slots=True)
class Span:
    """One operation of a trace. ``with span(…)`` makes it the parent of the spans inside."""

    name: str
    context: SpanContext
    parent: SpanContext | None
    kind: Kind
    attributes: dict[str, Value]
    links: Sequence[SpanContext]
    start_ns: int
    """Nanoseconds since 1970."""
    end_ns: int = 0
    error: str | None = None
    """What failed; None if nothing did."""
    _export: Callable[[Span], None] = field(repr=False, default=lambda _: None)
    _step: Span | None = field(repr=False, default=None)
    _token: Token[Span | None] | None = field(repr=False, default=None)

    @property
    def place(self) -> SpanContext:
        """The context for children: the current step, or the span itself."""
        return self._step.context if self._step else self.context

    def note(self, **attributes: Value | None) -> None:
        """Add attributes; those that are None are left out."""
        self.attributes.update((name, one) for name, one in attributes.items() if one is not None)

    def begin_step(self, name: str) -> None:
        """Begin a child for the next step of this span, and end the step before it."""
        if self._step and self._step.name == name:
            return
        self.end_step()
        if tracer := _tracer:
            self._step = tracer.new(name, parent=self.context)

    def end_step(self) -> None:
        """End the current step, if there is one."""
        step, self._step = self._step, None
        if step:
            step.end()

    def end(self) -> None:
        """End the span, and export it."""
        self.end_step()
        self.end_ns = time.time_ns()
        if self.context.is_sampled:
            self._export(self)

    def __enter__(self) -> Self:
        """Make this span the current one."""
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End the span; an exception marks it as failed."""
        if self._token:
            _current.reset(self._token)
        if kind is not None:
            self.error = kind.__name__
        self.end()


class _NoSpan:
    """Stands in for a span while tracing is off."""

    __slots__ = ()
    context = None

    def note(self, **_: Value | None) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


NO_SPAN = _NoSpan()


class Tracer:
    """Makes spans, and passes each to *export* at its end."""

    def __init__(
        self,
        export: Callable[[Span], None],
        *,
        sample_ratio: float = 1.0,
        rng: random.Random | None = None,
        attach: Callable[[SpanContext], None] | None = None,
    ) -> None:
        """Prepare to make spans.

        Args:
            export: takes spans that have ended.
            sample_ratio: the share of traces that begin here and are recorded.
            rng: makes ids.
            attach: makes a span the parent of what other code traces in the same task.
        """
        self.attach = attach
        self._export = export
        self._sample_ratio = sample_ratio
        self._random = rng or random.Random()  # noqa: S311 - an id, no secret

    def new(
        self,
        name: str,
        *,
        parent: SpanContext | None = None,
        kind: Kind = Kind.INTERNAL,
        links: Sequence[SpanContext] = (),
        context: SpanContext | None = None,
        start_ns: int = 0,
        attributes: dict[str, Value] | None = None,
    ) -> Span:
        """Return a span that has begun; without *parent* it begins a trace."""
        made = context or self._context(parent)
        began = start_ns or time.time_ns()
        return Span(name, made, parent, kind, attributes or {}, links, began, _export=self._export)

    def separate(self, name: str, cause: SpanContext) -> SpanContext:
        """Begin a trace of its own for a consequence of *cause*, with a link to it."""
        trace_id, span_id = self._random.getrandbits(128) or 1, self._random.getrandbits(64) or 1
        context = SpanContext(trace_id, span_id, is_sampled=cause.is_sampled)
        self.new(name, context=context, links=[cause]).end()
        return context

    def _context(self, parent: SpanContext | None) -> SpanContext:
        span_id = self._random.getrandbits(64) or 1
        if parent:
            return SpanContext(parent.trace_id, span_id, is_sampled=parent.is_sampled)
        sampled = self._random.random() < self._sample_ratio
        return SpanContext(self._random.getrandbits(128) or 1, span_id, is_sampled=sampled)


_tracer: Tracer | None = None
_current: ContextVar[Span | None] = ContextVar("secretary_span", default=None)


def start(tracer: Tracer) -> None:
    """Turn tracing on in this process."""
    global _tracer  # noqa: PLW0603 - one switch for the process, like the root logger
    _tracer = tracer


def stop() -> None:
    """Turn tracing off."""
    global _tracer  # noqa: PLW0603 - see start
    _tracer = None


def is_on() -> bool:
    """Return whether tracing is on."""
    return _tracer is not None


def current() -> Span | None:
    """Return the span in which the caller runs."""
    return _current.get()


def enter_handler() -> None:
    """Make the current span the parent of what a handler traces with OpenTelemetry's API.

    Call this function in the task of the handler.
    """
    here = _current.get()
    if _tracer and _tracer.attach and here:
        _tracer.attach(here.place)


def current_header() -> str | None:
    """Return ``traceparent`` for what the caller sends or stores; None while tracing is off."""
    here = _current.get() if _tracer else None
    return here.place.header() if here else None


def link_current(context: SpanContext | None) -> None:
    """Link the current span to *context*, which it changes or repeats."""
    if context and _tracer and (here := _current.get()):
        here.links = [*here.links, context]


def separate_header(name: str) -> str | None:
    """Return the ``traceparent`` of a new trace that is linked to the current span.

    For one of many jobs that a request makes: each job has a tree of its own. None while tracing is
    off, or outside of a span.
    """
    here = _current.get()
    if _tracer is None or here is None:
        return None
    return _tracer.separate(name, here.place).header()


def span(
    name: str,
    *,
    parent: SpanContext | None = None,
    kind: Kind = Kind.INTERNAL,
    links: Sequence[SpanContext] = (),
    context: SpanContext | None = None,
    start_ns: int = 0,
    **attributes: Value,
) -> Span | _NoSpan:
    """Return a span that has begun, for a ``with`` block; nothing while tracing is off.

    Args:
        name: of the operation.
        parent: the span above; None: the current span, or else the span begins a trace.
        kind: of the operation.
        links: spans of which this one is a consequence, without being their child.
        context: the span's own place, if it is decided elsewhere (``attempt_context``).
        start_ns: when it began, in nanoseconds since 1970; 0: now.
        attributes: more about it.
    """
    tracer = _tracer
    if tracer is None:
        return NO_SPAN
    here = _current.get() if parent is None else None
    return tracer.new(
        name,
        parent=here.place if here else parent,
        kind=kind,
        links=links,
        context=context,
        start_ns=start_ns,
        attributes=attributes,
    )
