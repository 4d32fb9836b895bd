"""The store interfaces of webhook deliveries: for clients and the sweeper, and for notifiers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from secretary_common.errors import NotStorable
from secretary_common.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryQuery,
    DeliveryRecord,
    DueDelivery,
    Lane,
    Lease,
    Obstacles,
)


class DeliveryStorage(Protocol):
    """Deliveries for clients and the sweeper. All methods raise ``StoreUnavailable``."""

    async def insert_absent(self, deliveries: Sequence[Delivery]) -> list[bool | NotStorable]:
        """Store deliveries; return one result for each.

        True: stored. False: a delivery with this id exists already and stays as it is.
        ``NotStorable``: this delivery cannot be encoded.
        """
        ...

    async def insert_claimed(
        self, deliveries: Sequence[Delivery], leases: Mapping[str, Lease]
    ) -> list[bool | NotStorable]:
        """Store *deliveries* as ``insert_absent`` does, and claim those that have a lease.

        *leases* are by delivery id. True: the delivery is ``sending`` under its lease. False: the
        delivery has no lease, existed already, or its job has another delivery in flight; in the
        last case the delivery is stored as given.

        Safe to repeat after ``StoreUnavailable``: with the same *leases*, a repeat also returns
        True for the deliveries that the first call claimed. They stay as that call stored them.
        """
        ...

    async def get(self, delivery_id: str) -> Delivery | None:
        """Return the delivery; None if the delivery does not exist."""
        ...

    async def of_job(
        self, job_id: str, *, after: tuple[int, str] | None = None, limit: int | None = None
    ) -> list[Delivery]:
        """Return the deliveries of a job to all receivers, without bodies and secrets.

        Sorted by ``seq``, then by id. With *after*, only deliveries after this (seq, delivery_id);
        with *limit*, at most this many.
        """
        ...

    async def find(self, query: DeliveryQuery) -> list[Delivery]:
        """Return at most ``query.limit`` deliveries, newest first, without bodies and secrets.

        If ``query.state`` is ``dead``, deliveries of tests are left out.
        """
        ...

    async def find_page(
        self, query: DeliveryQuery
    ) -> tuple[list[Delivery], tuple[datetime, str] | None]:
        """Return deliveries as ``find`` does, and the place for ``query.after`` of the next page.

        With ``query.origin``, a page may have fewer deliveries although others follow. None: none
        follows.
        """
        ...

    async def muted_until(
        self, deliveries: Sequence[Delivery], now: datetime
    ) -> list[datetime | None]:
        """Return for each delivery until when its URL gets no events of its owner, see ``mute``."""
        ...

    async def counts(self, owner: str | None = None) -> dict[str, int]:
        """Count the ``pending`` deliveries (waiting or being sent) and the ``dead`` ones, exactly.

        Dead deliveries of tests do not count. With *owner*, only deliveries of this owner count.
        """
        ...

    async def has_pending(self, job_id: str) -> bool:
        """Return whether a delivery of this job waits or is being sent."""
        ...

    async def delete_of_job(self, job_id: str, *, spare_until: datetime | None = None) -> int:
        """Delete the deliveries of a job; return how many were deleted.

        With *spare_until*, deliveries that expire after that time stay.
        """
        ...

    async def resend(self, delivery_id: str, now: datetime) -> bool:
        """Make a delivery due now and restart its schedule.

        Returns False if the state is not in ``RESENDABLE``, or the delivery is unreadable.
        """
        ...

    async def recover(
        self, since: datetime, until: datetime, now: datetime, *, owner: str | None = None
    ) -> int:
        """Resend the dead deliveries created in [since, until), except tests; return their number.

        With *owner*, only deliveries of this owner.
        """
        ...

    async def replay(
        self, endpoint_id: str, since: datetime, until: datetime, now: datetime
    ) -> int:
        """Resend the skipped and dead deliveries of an endpoint created in [since, until).

        Returns their number.
        """
        ...

    async def redirect(self, endpoint_id: str, url: str, origin: str) -> None:
        """Send the deliveries of an endpoint that are not delivered yet to *url* from now on."""
        ...

    async def last_failure(self, endpoint_id: str) -> DeliveryAttempt | None:
        """Return the latest failed attempt among the newest deliveries of an endpoint, if any."""
        ...


class DeliveryQueue(Protocol):
    """Deliveries for notifiers: waiting, claimed, recorded.

    All methods raise ``StoreUnavailable``.
    """

    async def waiting_lanes(self) -> dict[Lane, datetime]:
        """Return each lane with a waiting or claimed delivery, and the lane's earliest due time."""
        ...

    async def due(self, lanes: Collection[Lane], now: datetime, limit: int) -> list[DueDelivery]:
        """Return deliveries of these lanes that are due, or whose lease has ended.

        The earliest due time first; at most *limit* first attempts and *limit* retries.
        """
        ...

    async def next_due_at(self, lanes: Collection[Lane], now: datetime) -> datetime | None:
        """Return the earliest due time after *now* in these lanes."""
        ...

    async def due_of_jobs(
        self, order_keys: Collection[str], now: datetime
    ) -> dict[str, DueDelivery]:
        """Return the latest due event under each of these order keys, if there is one.

        The order key of a job's own webhook is the job id, see ``order_key_of``.
        """
        ...

    async def claim(
        self, delivery_ids: Sequence[str], lease: Lease, now: datetime
    ) -> list[Delivery | None]:
        """Claim deliveries that are due or whose lease has ended; they become ``sending``.

        All of them get *lease*. None for a delivery that is not due, that another notifier holds,
        or whose order key has another delivery in flight. A delivery for an endpoint has the
        secrets and headers that the endpoint has now.

        Safe to repeat after ``StoreUnavailable``: with the same *lease*, a repeat also returns the
        deliveries that the first call claimed.
        """
        ...

    async def obstacles(self, deliveries: Sequence[Delivery], now: datetime) -> list[Obstacles]:
        """Return the obstacles of each of these deliveries, in order.

        A delivery is not overtaken by the event that follows it (``followed_by``) while no notifier
        has sent this event.
        """
        ...

    async def drop_abandoned_progress(self, order_key: str, seq: int, now: datetime) -> bool:
        """Drop the progress delivery below *seq* that is ``sending`` under an ended lease.

        Returns False if there is no such delivery under *order_key*.
        """
        ...

    async def record(self, records: Sequence[DeliveryRecord]) -> list[bool]:
        """Store the results of claims; False where the lease was lost. Safe to repeat.

        Also make the deliveries due that waited for these (``DeliveryRecord.releases``).
        """
        ...

    async def mute(self, owner: str, url: str, until: datetime) -> None:
        """Stop deliveries of *owner* to *url* until *until*, because the URL answered 410."""
        ...

    async def unmute(self, owner: str, url: str) -> None:
        """Undo ``mute``."""
        ...

    async def remove_expired(self, now: datetime) -> int:
        """Delete expired deliveries; return how many were deleted."""
        ...


class DeliveryRepository(DeliveryStorage, DeliveryQueue, Protocol):
    """Webhook deliveries and every transition between their states."""
