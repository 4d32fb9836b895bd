"""Notes the changes that API keys make, and lists them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secretary_api.access.principal import Principal
from secretary_common.jobs.storable import cut_object
from secretary_common.models import AuditEntry, JsonObject, new_audit_id
from secretary_common.ports import AuditRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

LARGEST_DETAILS_BYTES = 16 * 1024
"""A page of the audit has up to 250 entries, and a client may send filters of any length."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Notes changes in the background, so that no answer waits for its entry."""

    entries: AuditRepository
    clock: Clock
    in_background: Callable[[Coroutine[Any, Any, Any]], None]

    def note(
        self,
        principal: Principal,
        action: str,
        target: str | None = None,
        details: JsonObject | None = None,
    ) -> None:
        """Note that *principal* did *action* with *target*."""
        entry = AuditEntry(
            entry_id=new_audit_id(),
            created_at=self.clock.now(),
            key_id=principal.key_id,
            action=action,
            target=target and target[:200],
            details=details and _cut(details),
        )
        self.in_background(self._add(entry))

    async def find(
        self, principal: Principal, *, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[list[AuditEntry], bool]:
        """Return the entries of *principal*, an admin's: of all keys; and whether more follow."""
        found = await self.entries.find(principal.owner_filter, after=after, limit=limit + 1)
        return found[:limit], len(found) > limit

    async def _add(self, entry: AuditEntry) -> None:
        try:
            await self.entries.add(entry)
        except Exception as error:  # noqa: BLE001 - the change itself is made
            log.error("audit.entry_lost", action=entry.action, key_id=entry.key_id, exc=error)


def _cut(details: JsonObject) -> JsonObject:
    """Return *details* cut to ``LARGEST_DETAILS_BYTES``, the objects in it part by part."""
    most = LARGEST_DETAILS_BYTES // 2
    parts = {
        name: cut_object(part, most) if isinstance(part, dict) else part
        for name, part in details.items()
    }
    return cut_object(parts, LARGEST_DETAILS_BYTES)
