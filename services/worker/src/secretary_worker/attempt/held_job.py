"""A job that this worker holds under a lease."""

from __future__ import annotations

import asyncio

from secretary_common.models import Job, Lease
from secretary_common.observing.trace_context import SpanContext
from secretary_worker.attempt.verdict import Interruption
from secretary_worker.metrics import leases_lost


class HeldJob:
    """A job that this worker holds, and the reason, if any, why its handler must stop."""

    def __init__(self, job: Job, lease: Lease, confirmed_at: float) -> None:
        """*confirmed_at*: the monotonic time just before the claim was sent, in seconds."""
        self.job = job
        self.token = lease.token
        self.confirmed_at = confirmed_at
        self.settling = False
        """True while the settlement is being written, and afterwards. Then only that write can find
        a lost lease, and a handler that goes on after it keeps its time."""
        self.trace: SpanContext | None = None
        """The span of the attempt, while it is traced."""
        self._loop = asyncio.get_running_loop()
        self.interrupted: asyncio.Future[Interruption] = self._loop.create_future()

    @property
    def interruption(self) -> Interruption | None:
        """The reason why the handler must stop, or None."""
        return self.interrupted.result() if self.interrupted.done() else None

    def interrupt(self, reason: Interruption) -> None:
        """Stop the handler. The first *reason* is kept; only a lost lease replaces it."""
        if reason is Interruption.LEASE_LOST and self.interruption is not reason:
            leases_lost["taken",].inc()
        if not self.interrupted.done():
            self.interrupted.set_result(reason)
        elif reason is Interruption.LEASE_LOST:
            self.interrupted = self._loop.create_future()
            self.interrupted.set_result(reason)
