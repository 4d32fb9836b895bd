"""A doorbell that records its rings."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class RecordingDoorbell:
    """Records every ring (``ports.Doorbell``)."""

    answers: bool = True
    """The result of each ring; False stands for a broker that does not confirm."""
    announced: list[tuple[str, str]] = field(default_factory=list)
    jobs: list[tuple[str, str]] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    """The ids of those of ``jobs`` that were rung for with *shared*."""
    rung_after_announcement: list[bool] = field(default_factory=list)
    """For each of ``jobs``, whether it was announced before."""
    deliveries: list[tuple[str, int]] = field(default_factory=list)

    @property
    def is_connected(self) -> bool | None:
        """Whether rings succeed."""
        return self.answers

    async def announce_job(self, job_type: str, job_id: str) -> bool:
        self.announced.append((job_type, job_id))
        return self.answers

    async def ring_job(
        self, job_type: str, job_id: str, *, announced: bool = False, shared: bool = False
    ) -> bool:
        self.jobs.append((job_type, job_id))
        if shared:
            self.shared.append(job_id)
        self.rung_after_announcement.append(announced)
        return self.answers

    async def ring_delivery(self, job_id: str, seq: int) -> bool:
        self.deliveries.append((job_id, seq))
        return self.answers

    async def ring_slot(self, job_id: str, seq: int) -> bool:
        return await self.ring_delivery(job_id, seq)
