"""Notifiers send each operator event once, and no event is lost with a notifier."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from support.job_samples import NOW

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Endpoint, EndpointKind, Phase
from secretary_common.operator_events.fault import FaultKind
from secretary_common.operator_events.rules import EventTerms
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.api_keys import InMemoryEndpointRepository
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_common.testing.processes import InMemoryFaultRepository
from secretary_notifier.operator.announcer import Announcer

TERMS = EventTerms(
    interval=timedelta(seconds=15), after=timedelta(seconds=60), again=timedelta(hours=1)
)
KIND = FaultKind.BROKER_AWAY


class System:
    """Faults, an operator's endpoint, and notifiers."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.faults = InMemoryFaultRepository()
        self.endpoints = InMemoryEndpointRepository()
        self.deliveries = InMemoryDeliveryRepository(self.endpoints)
        self.texts: list[str] = []
        self.sends_texts = True

    async def register(
        self, *events: FaultKind, kind: EndpointKind = EndpointKind.OPERATOR
    ) -> None:
        number = len(self.endpoints.endpoints)
        endpoint = Endpoint(
            endpoint_id=f"ep-{number}",
            owner="key-admin",
            url="https://pager.example/events",
            kind=kind,
            events=[event.value for event in events],
            created_at=NOW,
            updated_at=NOW,
        )
        await self.endpoints.insert(endpoint)

    def notifier(self) -> Announcer:
        async def send(text: str) -> None:
            self.texts.append(text)

        send_text = send if self.sends_texts else None
        return Announcer(self.faults, self.endpoints, self.deliveries, self.clock, TERMS, send_text)

    async def lasts(self, seconds: int, notifiers: int = 3) -> None:
        """Let the fault last, reported by two processes, while *notifiers* take their turns."""
        for _ in range(seconds // 15):
            for service in ("api", "worker"):
                await self.faults.report(KIND, "", {"service": service}, self.clock.now())
            await asyncio.gather(*(self.notifier().turn() for _ in range(notifiers)))
            self.clock.advance(15)

    async def passes(self, seconds: int) -> None:
        """Let time pass without the fault."""
        for _ in range(seconds // 15):
            await self.notifier().turn()
            self.clock.advance(15)

    @property
    def states(self) -> list[str]:
        made = sorted(self.deliveries.deliveries.values(), key=lambda one: one.created_at)
        return [json.loads(one.body)["state"] for one in made]


async def test_a_cause_is_one_event_an_hour_over_all_processes_and_one_at_its_end() -> None:
    system = System()
    await system.register(KIND)
    await system.lasts(3600)
    assert system.states == ["began"]
    await system.lasts(3600)
    assert system.states == ["began", "lasts"]
    await system.passes(7200)
    assert system.states == ["began", "lasts", "ended"]
    assert len(system.texts) == 3


async def test_the_event_has_its_own_phase_and_names_the_fault() -> None:
    system = System()
    await system.register(KIND)
    await system.lasts(90)
    [made] = system.deliveries.deliveries.values()
    assert made.phase is Phase.OPERATOR
    body = json.loads(made.body)
    assert (body["phase"], body["event"]) == ("operator", "broker.away")
    assert body["details"]["service"] in ("api", "worker")
    assert datetime.fromisoformat(body["began_at"]) == NOW


async def test_only_endpoints_of_operators_that_want_the_event_get_it() -> None:
    system = System()
    await system.register(FaultKind.DISK_LOW)
    await system.register(KIND, kind=EndpointKind.JOBS)
    await system.lasts(90)
    assert not system.deliveries.deliveries
    assert len(system.texts) == 1


async def test_the_event_of_a_notifier_that_ended_is_sent_by_another_one_under_the_same_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = System()
    await system.register(KIND)

    async def away(_: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(system.deliveries, "insert_absent", away)
        with pytest.raises(StoreUnavailable):
            await system.lasts(90, notifiers=1)
    assert not system.deliveries.deliveries
    await system.lasts(600)
    assert system.states == ["began"]


async def test_an_endpoint_that_is_registered_later_gets_the_event_of_a_fault_that_lasts() -> None:
    system = System()
    system.sends_texts = False
    await system.lasts(600)
    await system.register(KIND)
    await system.lasts(600)
    assert system.states == ["began"]
