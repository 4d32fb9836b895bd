"""Rings for stored jobs: in the background, a limited number at a time."""

from __future__ import annotations

import asyncio

from support.api_harness import Api, data_of

from secretary_api.jobs.ringer import MOST_WAITING, RINGS_AT_ONCE, Ringer
from secretary_common.runtime.lifecycle import Background
from secretary_common.testing.doorbell import RecordingDoorbell


class SlowDoorbell(RecordingDoorbell):
    """A doorbell whose rings wait until the test releases them."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()

    async def ring_job(self, job_type: str, job_id: str) -> bool:
        await super().ring_job(job_type, job_id)
        return await self.released.wait()


async def test_the_client_gets_its_answer_before_the_ring_is_confirmed(api: Api) -> None:
    slow = SlowDoorbell()
    api.doorbell.ring_job = slow.ring_job  # type: ignore[method-assign]
    headers = {"Authorization": f"Bearer {await api.new_key()}"}
    body = {"job_type": "custom", "parameters": {}}
    answer = await api.client.post("/api/jobs/", json=body, headers=headers)
    assert answer.status_code == 202
    slow.released.set()
    await api.background.finish()
    assert slow.jobs == [("custom", data_of(answer)["job_id"])]


async def test_every_job_is_rung_for_and_few_at_once() -> None:
    doorbell, background = SlowDoorbell(), Background()
    ringer = Ringer(doorbell, background.start)
    names = [f"job-{n}" for n in range(5 * RINGS_AT_ONCE)]
    for name in names:
        ringer.ring_soon("custom", name)
    await asyncio.sleep(0)
    assert len(doorbell.jobs) == RINGS_AT_ONCE
    doorbell.released.set()
    await background.finish()
    assert [job_id for _, job_id in doorbell.jobs] == names


async def test_a_slow_broker_does_not_fill_the_memory() -> None:
    doorbell, background = SlowDoorbell(), Background()
    ringer = Ringer(doorbell, background.start)
    for n in range(2 * MOST_WAITING):
        ringer.ring_soon("custom", f"job-{n}")
    doorbell.released.set()
    await background.finish()
    assert len(doorbell.jobs) == MOST_WAITING
    assert doorbell.jobs[-1] == ("custom", f"job-{2 * MOST_WAITING - 1}")
