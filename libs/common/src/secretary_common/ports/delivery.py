"""Webhook deliveries, as the services need them from a store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from secretary_common.errors import NotStorable
from secretary_common.models import (
    Claim,
    Delivery,
    DeliveryQuery,
    DeliveryRecord,
    DueDelivery,
    Lane,
    Obstacles,
)


class DeliveryStorage(Protocol):
    """Deliveries as clients and the sweeper know them. All raise ``StoreUnavailable``."""

    async def insert_absent(self, deliveries: Sequence[Delivery]) -> list[bool | NotStorable]:
        """Store deliveries; False for one whose id is there already (it is left as it is).

        In the place of one that cannot be encoded stands the error that says so.
        """
        ...

    async def get(self, delivery_id: str) -> Delivery | None:
        """The delivery."""
        ...

    async def of_job(
        self, job_id: str, *, after: int | None = None, limit: int | None = None
    ) -> list[Delivery]:
        """The deliveries of a job, by ``seq``, without bodies and secrets.

        Those whose ``seq`` is above *after*; at most *limit*, or all.
        """
        ...

    async def find(self, query: DeliveryQuery) -> list[Delivery]:
        """At most ``query.limit`` deliveries, newest first, without bodies and secrets.

        Of the dead ones, tests are left out.
        """
        ...

    async def counts(self, owner: str | None = None) -> dict[str, int]:
        """How many are ``pending`` (waiting or being sent) and ``dead`` (tests aside), exactly.

        Those of *owner*, or of all.
        """
        ...

    async def has_pending(self, job_id: str) -> bool:
        """Whether a delivery of this job waits or is being sent."""
        ...

    async def delete_of_job(self, job_id: str, *, spare_until: datetime | None = None) -> int:
        """Remove the deliveries of a job; returns how many.

        With *spare_until* those stay that can be resent longer than that: they remove themselves.
        """
        ...

    async def resend(self, delivery_id: str, now: datetime) -> bool:
        """Have a delivery sent again now, its schedule from the start.

        False unless it is in one of the states ``RESENDABLE``.
        """
        ...

    async def recover(
        self, since: datetime, until: datetime, now: datetime, *, owner: str | None = None
    ) -> int:
        """Have all dead ones made in [since, until) but tests sent again; returns how many.

        Those of *owner*, or of all.
        """
        ...


class DeliveryQueue(Protocol):
    """Deliveries as notifiers know them: waiting, claimed, recorded.

    All raise ``StoreUnavailable``.
    """

    async def waiting_lanes(self) -> dict[Lane, datetime]:
        """Every lane where something waits or is being sent, and when the earliest of it is due."""
        ...

    async def due(self, lanes: Collection[Lane], now: datetime, limit: int) -> list[DueDelivery]:
        """Deliveries of these lanes that are due, or whose sender's lease has ended.

        The longest due first, at most *limit* first tries and as many retries.
        """
        ...

    async def next_due_at(self, lanes: Collection[Lane], now: datetime) -> datetime | None:
        """When the earliest delivery of these lanes that is not due yet is due."""
        ...

    async def due_of_jobs(self, job_ids: Collection[str], now: datetime) -> dict[str, DueDelivery]:
        """The latest due event of each of these jobs that has one."""
        ...

    async def claim(self, claims: Sequence[Claim], now: datetime) -> list[Delivery | None]:
        """Take due (or abandoned) deliveries: each is ``sending`` under its lease.

        None for one that is not due, that somebody else has, or while another of its job is in
        flight.
        """
        ...

    async def obstacles(self, deliveries: Sequence[Delivery], now: datetime) -> list[Obstacles]:
        """What may keep each of these, which are claimed, from being sent."""
        ...

    async def drop_abandoned_progress(self, job_id: str, seq: int, now: datetime) -> bool:
        """End a progress before *seq* that is ``sending`` under an ended lease."""
        ...

    async def record(self, records: Sequence[DeliveryRecord]) -> list[bool]:
        """Write down how claims ended; False for one whose lease was lost. Safe to repeat."""
        ...

    async def mute(self, owner: str, url: str, until: datetime) -> None:
        """Have nothing of *owner* sent to *url* before *until*: it answered 410."""
        ...

    async def unmute(self, owner: str, url: str) -> None:
        """Take back ``mute``."""
        ...

    async def remove_expired(self, now: datetime) -> int:
        """Remove what expired; returns how many."""
        ...


class DeliveryRepository(DeliveryStorage, DeliveryQueue, Protocol):
    """Webhook deliveries, and every move between their states."""


class NotifierRepository(Protocol):
    """The notifiers that are alive. All raise ``StoreUnavailable``."""

    async def report(self, owner: str, now: datetime, facts: Mapping[str, object]) -> None:
        """Note that the notifier *owner* is alive; *facts* tell what it is doing."""
        ...

    async def leave(self, owner: str) -> None:
        """Note that the notifier *owner* stops."""
        ...

    async def any_alive(self, since: datetime) -> bool:
        """Whether any has reported at *since* or later."""
        ...
