"""Renews the leases of this worker, and stops handlers whose leases are not confirmed in time."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from secretary_common.models import Job, Lease, new_token
from secretary_common.ports import JobRepository
from secretary_common.runtime.clock import Clock, elapsed_sec
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.resilient_loop import Failures, resilient_loop
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.attempt.verdict import Interruption
from secretary_worker.metrics import leases_lost

log = get_logger(__name__)

# The worker stops the handler of an unconfirmed lease when this share of its term is left: the
# handler must have stopped before another worker may start the job.
SAFETY = 1 / 6
RETRY_SEC = 1.0
WATCH_SEC = 1.0
JITTER = 0.25
"""After a lost contact the worker waits longer before it reclaims, by at most this share."""
# A client that cancels a running job must not wait for the next renewal.
CANCELLATION_CHECK_SEC = 0.5


class Leases:
    """Makes and renews the leases of one process, and interrupts attempts that must stop."""

    def __init__(
        self,
        jobs: JobRepository,
        confirm: Callable[[], Awaitable[None]],
        clock: Clock,
        *,
        lease_sec: float,
        heartbeat_sec: float,
        monotonic: Callable[[], float] = elapsed_sec,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare to keep leases.

        Args:
            jobs: the repository with the leases.
            confirm: returns when a majority of MongoDB's members has answered. Raises
                ``StoreUnavailable`` if no majority answers.
            clock: the store's clock.
            lease_sec: the term of a lease.
            heartbeat_sec: the time between renewals.
            monotonic: returns a time in seconds that also advances while this process is stopped.
            jitter: returns a number in [0, 1).
        """
        self._jobs = jobs
        self._confirm = confirm
        self._clock = clock
        self.lease_sec = lease_sec
        self._heartbeat_sec = heartbeat_sec
        self.monotonic = monotonic
        self._jitter = jitter
        self._watch_sec = min(WATCH_SEC, heartbeat_sec)
        self._watched_at = monotonic()
        self._clock_ahead_sec = self._ahead_sec()
        self._reclaim_wait_sec = heartbeat_sec
        self._contact_lost = asyncio.Event()
        self._holds: dict[str, HeldJob] = {}
        self._contact_since: float | None = None
        self.owner = new_token()
        """The owner of all leases of this process. A restarted worker is a new owner, so it never
        renews the leases of the process before it."""
        self._host = socket.gethostname()
        self.paused_sec = 0.0
        """The total time for which this process was stopped; see ``notice_pause``."""

    def new(self) -> Lease:
        """Return a new lease whose term starts now."""
        expires_at = self._end(self._clock.now())
        return Lease(owner=self.owner, token=new_token(), expires_at=expires_at, host=self._host)

    def keep(self, hold: HeldJob) -> None:
        """Renew the lease of *hold* from now on, until ``release``."""
        self._holds[hold.job.job_id] = hold

    def release(self, hold: HeldJob) -> None:
        """Stop renewing the lease of *hold*."""
        if self._holds.get(hold.job.job_id) is hold:
            del self._holds[hold.job.job_id]

    @property
    def in_contact(self) -> bool:
        """Whether a majority of MongoDB's members answered, with no failure or pause since."""
        self.notice_pause()
        return self._contact_since is not None

    @property
    def may_reclaim(self) -> bool:
        """Whether this worker may reclaim jobs, which needs one heartbeat of unbroken contact.

        In this time the owners of expired leases can renew them after an outage or a pause, or
        after MongoDB's clock was set forward. After a lost contact a jitter is added, so that not
        all workers reclaim at once.
        """
        self.notice_pause()
        self._notice_set_clock()
        since = self._contact_since
        return since is not None and self.monotonic() - since >= self._reclaim_wait_sec

    def lose_contact(self) -> None:
        """Record that this worker has lost contact with MongoDB; see ``may_reclaim``."""
        if self._contact_since is not None:
            self._reclaim_wait_sec = self._heartbeat_sec * (1 + JITTER * self._jitter())
        self._contact_since = None
        self._contact_lost.set()

    @property
    def any_settles(self) -> bool:
        """Whether the settlement of a held job is being written."""
        return any(hold.settling for hold in self._holds.values())

    def holds(self, job: Job) -> bool:
        """Return whether this worker holds *job* under the lease in *job*."""
        hold = self._holds.get(job.job_id)
        return hold is not None and job.lease is not None and hold.token == job.lease.token

    def notice_pause(self) -> None:
        """Detect whether this process was stopped (by a signal, with its machine, or by overload).

        The process was stopped if the last watch is late by more than a heartbeat. Then the worker
        has lost contact, and each lease may have expired. But the worker keeps an expired lease
        until another worker reclaims the job. So each handler may continue for at least one more
        heartbeat. In this time the worker renews the job's lease or finds it lost.
        """
        now = self.monotonic()
        late_sec = now - self._watched_at - self._watch_sec
        self._watched_at = now
        if late_sec <= self._heartbeat_sec:
            return
        log.warning("worker.was_paused", paused_sec=round(late_sec, 3), held=len(self._holds))
        self.paused_sec += late_sec
        self.lose_contact()
        for hold in self._running():
            self._extend_until(hold, now + self._heartbeat_sec)

    def _notice_set_clock(self) -> None:
        """Detect whether MongoDB's clock was set forward, so that leases seem to have expired."""
        before, self._clock_ahead_sec = self._clock_ahead_sec, self._ahead_sec()
        forward_sec = self._clock_ahead_sec - before
        if forward_sec > self._heartbeat_sec:
            log.warning("clock.was_set_forward", by_sec=round(forward_sec, 3))
            self.lose_contact()

    def _ahead_sec(self) -> float:
        """Return MongoDB's time minus that of the monotonic clock, which differ by a constant."""
        return self._clock.now().timestamp() - self.monotonic()

    async def run(self) -> None:
        """Renew every ``heartbeat_sec``, give up unconfirmed leases and check for cancellations.

        Runs until cancelled.
        """
        # In parallel: a renewal that hangs must not delay the end of unconfirmed leases.
        async with asyncio.TaskGroup() as group:
            group.create_task(self._resilient("renewal", self._renew))
            group.create_task(self._resilient("lease_watch", self._watch))
            group.create_task(self._resilient("cancellation_check", self._check_cancellations))

    async def _resilient(self, name: str, do_round: Callable[[], Awaitable[None]]) -> None:
        wait_sec = min(RETRY_SEC, self._heartbeat_sec)
        await resilient_loop(
            name,
            do_round,
            on_failure=lambda _: self.lose_contact(),
            failures=Failures(name, first_wait_sec=wait_sec, longest_wait_sec=wait_sec),
        )

    async def _renew(self) -> None:
        started = self.monotonic()
        self._contact_lost.clear()
        await self.renew()
        await self._until_next_renewal(started)

    async def _until_next_renewal(self, started: float) -> None:
        """Wait for the next heartbeat, or for ``RETRY_SEC`` after the contact was lost."""
        wait = self._heartbeat_sec - (self.monotonic() - started)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(wait, 0.0)):
                await self._contact_lost.wait()
                await asyncio.sleep(RETRY_SEC)

    async def renew(self) -> None:
        """Renew all leases once.

        An attempt is interrupted if a client has requested the cancellation of the job. An attempt
        whose lease is lost is interrupted, unless its settlement is being written.

        Raises:
            StoreUnavailable: no lease is confirmed.
        """
        self.notice_pause()
        paused_sec = self.paused_sec
        await self._confirm()
        started = self.monotonic()
        if holds := list(self._holds.values()):
            await self._renew_all(holds, started)
        self.notice_pause()
        if self.paused_sec == paused_sec:  # else these answers are from before the pause
            self._contact_since = self._contact_since or started

    async def renew_claim(self, job_id: str, token: str) -> float | None:
        """Renew the lease of a claim before ``keep``, even if the lease has expired.

        Returns the monotonic time at which the renewal was sent; None if the lease is lost.

        Raises:
            StoreUnavailable: the outcome is unknown.
        """
        started = self.monotonic()
        renewed = await self._jobs.renew(self.owner, [job_id], self._end(self._clock.now()))
        renewal = renewed.get(job_id)
        return started if renewal and renewal.token == token else None

    async def _renew_all(self, holds: list[HeldJob], started: float) -> None:
        renewed = await self._jobs.renew(
            self.owner, [hold.job.job_id for hold in holds], self._end(self._clock.now())
        )
        for hold in holds:
            renewal = renewed.get(hold.job.job_id)
            if renewal and renewal.token == hold.token:
                hold.confirmed_at = max(hold.confirmed_at, started)
                if renewal.cancel_requested:
                    hold.interrupt(Interruption.CANCEL_REQUESTED)
            elif not hold.settling:
                self._lose(hold)

    async def _check_cancellations(self) -> None:
        await asyncio.sleep(CANCELLATION_CHECK_SEC)
        await self.check_cancellations()

    async def check_cancellations(self) -> None:
        """Interrupt the running jobs whose cancellation clients have requested.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        running = {hold.job.job_id: hold for hold in self._running()}
        if not running:
            return
        for job_id in await self._jobs.cancel_requested_among(list(running)):
            running[job_id].interrupt(Interruption.CANCEL_REQUESTED)

    async def _watch(self) -> None:
        now = self.monotonic()
        limits = [self._last_moment(hold) - now for hold in self._running()]
        await asyncio.sleep(max(0.01, min([self._watch_sec, *limits])))
        self.notice_pause()
        self.give_up_unconfirmed()

    def give_up_unconfirmed(self) -> None:
        """Stop each handler whose lease has less than a sixth of its confirmed term left.

        The worker keeps the job: it hands the attempt back when MongoDB answers, unless another
        worker has taken the job by then. An attempt whose handler ended before is settled normally.
        """
        now = self.monotonic()
        for hold in self._running():
            if self._last_moment(hold) <= now:
                leases_lost["unconfirmed",].inc()
                log.warning("lease.unconfirmed", job_id=hold.job.job_id, attempt=hold.job.attempt)
                hold.interrupt(Interruption.LEASE_UNCONFIRMED)

    def _running(self) -> list[HeldJob]:
        """Return the jobs whose handlers may have to stop; not those that are being settled."""
        return [
            hold for hold in self._holds.values() if hold.interruption is None and not hold.settling
        ]

    def _last_moment(self, hold: HeldJob) -> float:
        return hold.confirmed_at + self.lease_sec * (1 - SAFETY)

    def _extend_until(self, hold: HeldJob, moment: float) -> None:
        """Let the handler of *hold* continue at least until *moment*."""
        hold.confirmed_at += max(0.0, moment - self._last_moment(hold))

    def _lose(self, hold: HeldJob) -> None:
        if self._holds.get(hold.job.job_id) is hold:
            log.warning("lease.lost", job_id=hold.job.job_id, attempt=hold.job.attempt)
            hold.interrupt(Interruption.LEASE_LOST)
            self.release(hold)

    def _end(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.lease_sec)
