"""Claims the events of faults that are due, and sends them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from secretary_common.models import Endpoint, new_fault_event_id
from secretary_common.operator_events.fault import Fault, FaultEvent
from secretary_common.operator_events.fault_repository import FaultRepository
from secretary_common.operator_events.message import delivery_to, text_of
from secretary_common.operator_events.rules import EventTerms, decide
from secretary_common.ports import DeliveryStorage, EndpointRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.resilient_loop import resilient_loop

log = get_logger(__name__)

HELD_FOR = timedelta(minutes=5)
"""How long a notifier may send an event before another notifier sends it."""
KEPT_FOR = timedelta(days=7)
"""A fault that has ended is forgotten after this time."""

SendText = Callable[[str], Awaitable[None]]
"""Sends a sentence to people; never raises for a service that does not take it."""


@dataclass(frozen=True, slots=True)
class Announcer:
    """Sends operator events. Several notifiers may run one; each event is claimed by one of them.

    An event is at least sent once: it stays in its fault until its deliveries are stored. Without
    an endpoint that wants it, and without *send_text*, no event is due, so an endpoint that is
    registered later gets the event of a fault that lasts.
    """

    faults: FaultRepository
    endpoints: EndpointRepository
    deliveries: DeliveryStorage
    clock: Clock
    terms: EventTerms
    send_text: SendText | None = None

    async def run(self) -> None:
        """Send events until cancelled."""
        pause_sec = self.terms.interval.total_seconds()
        await resilient_loop("operator_events", self.turn, pause_sec=pause_sec)

    async def turn(self) -> None:
        """Send the events that are due now."""
        now, faults = self.clock.now(), await self.faults.current()
        operators = await self.endpoints.operators() if faults else []
        for fault in faults:
            following = [one for one in operators if fault.kind.value in one.events]
            if fault.event is None:
                await self._follow_rules(fault, following, now)
            elif fault.event.held_until < now:  # its notifier has ended
                await self._claim_and_send(fault, fault.event, {}, following, now)
        await self.faults.remove_ended(now - KEPT_FOR)

    async def _follow_rules(self, fault: Fault, following: list[Endpoint], now: datetime) -> None:
        decision = decide(fault, now, self.terms)
        has_receiver = bool(following or self.send_text)
        if decision is None or not (has_receiver or decision.ends):
            return
        fields: dict[str, Any] = {"ended_at": now} if decision.ends else {"announced_at": now}
        if decision.event is None:
            await self.faults.change(fault, fields)
            return
        event = FaultEvent(
            event_id=new_fault_event_id(), state=decision.event, at=now, held_until=now
        )
        await self._claim_and_send(fault, event, fields, following, now)

    async def _claim_and_send(
        self,
        fault: Fault,
        event: FaultEvent,
        fields: dict[str, Any],
        following: list[Endpoint],
        now: datetime,
    ) -> None:
        held = event.model_copy(update={"held_until": now + HELD_FOR})
        if not await self.faults.change(fault, {**fields, "event": held.model_dump()}):
            return  # another notifier was quicker, or the fault was reported again
        text = text_of(fault, event)
        log.warning("operator.event", fault=fault.fault_id, state=event.state.value, text=text)
        if following:
            made = [delivery_to(endpoint, fault, event) for endpoint in following]
            await self.deliveries.insert_absent(made)
        if self.send_text:
            await self.send_text(text)
        await self._finish(fault.fault_id, event.event_id)

    async def _finish(self, fault_id: str, event_id: str) -> None:
        """Remove the sent event; reports may change the fault meanwhile, so read it again."""
        while True:
            known = {one.fault_id: one for one in await self.faults.current()}
            fault = known.get(fault_id)
            if fault is None or fault.event is None or fault.event.event_id != event_id:
                return
            if await self.faults.change(fault, {"event": None}):
                return
