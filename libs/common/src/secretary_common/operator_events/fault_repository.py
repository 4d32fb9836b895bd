"""The store interface of the faults that operator events report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from secretary_common.operator_events.fault import Fault, FaultKind


class FaultRepository(Protocol):
    """Faults, one of each kind and subject. All methods raise ``StoreUnavailable``."""

    async def report(
        self, kind: FaultKind, subject: str, details: Mapping[str, Any], now: datetime
    ) -> None:
        """Record that the fault is there at *now*; one that had ended begins again."""
        ...

    async def current(self, limit: int = 500) -> list[Fault]:
        """Return faults that have not ended, or whose event is not sent; oldest report first."""
        ...

    async def change(self, fault: Fault, fields: Mapping[str, Any]) -> bool:
        """Set *fields*, None removes one; return False if *fault* was changed or seen since."""
        ...

    async def remove_ended(self, before: datetime) -> int:
        """Remove faults that ended before this time; return their number."""
        ...
