"""Reports the faults that this process notices, until they are over."""

from __future__ import annotations

from dataclasses import dataclass

from secretary_common.observing.noticed import noticed_now
from secretary_common.operator_events.fault import FaultKind
from secretary_common.operator_events.fault_repository import FaultRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.resilient_loop import resilient_loop

_KINDS = frozenset(FaultKind)


@dataclass(frozen=True, slots=True)
class FaultWatch:
    """Reports the noticed faults of a service every few seconds."""

    faults: FaultRepository
    clock: Clock
    service: str
    interval_sec: float

    async def run(self) -> None:
        """Report until cancelled."""
        await resilient_loop("faults", self.report, pause_sec=self.interval_sec)

    async def report(self) -> None:
        """Report the faults that are there now."""
        for one in noticed_now():
            if one.event in _KINDS:
                details = {"service": self.service, **one.details}
                kind = FaultKind(one.event)
                await self.faults.report(kind, one.subject, details, self.clock.now())
