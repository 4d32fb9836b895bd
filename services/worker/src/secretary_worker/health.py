"""Answers the probes of the worker's health server."""

from __future__ import annotations

import time
from typing import Any

from secretary_worker.wiring import Engine


class Health:
    """Says whether a worker is alive, and whether it is ready."""

    def __init__(self, engine: Engine, *, active: bool) -> None:
        """*active*: whether the worker takes jobs (``generic_worker.active``)."""
        self._manager = engine.manager
        self._leases = engine.leases
        self._fitness = engine.fitness
        self._active = active

    async def live(self) -> tuple[bool, dict[str, Any]]:
        """Report the worker as alive unless its manager is stuck. Outages do not matter."""
        return not (self._active and self._manager.is_stuck), {
            "active": self._active,
            "broker": self._manager.consumer.configured,
            "listening": self._manager.consumer.listening,
            "last_look_sec": round(time.monotonic() - self._manager.last_look_at, 3),
        }

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Report the worker as ready while it has contact with MongoDB and lacks nothing."""
        manager, in_contact, lacks = self._manager, self._leases.in_contact, self._fitness.lacks
        return in_contact and not lacks, {
            "store": in_contact,
            "unfit": lacks,
            "listening": manager.consumer.listening,
            "free_slots": manager.free_slots,
            "running": [hold.job.job_id for hold in manager.running],
            "last_look_sec": round(time.monotonic() - manager.last_look_at, 3),
        }
