"""What the services need from a broker."""

from __future__ import annotations

from typing import Protocol


class Doorbell(Protocol):
    """Rings whoever should look at MongoDB. Ringing never fails: polling covers a lost ring."""

    async def ring_job(self, job_type: str, job_id: str) -> bool:
        """Tell the workers about a job; False if the broker did not confirm within a second."""
        ...

    async def ring_delivery(self, job_id: str, seq: int) -> bool:
        """Tell the notifiers about the event *seq* of a job; False as for ``ring_job``."""
        ...
