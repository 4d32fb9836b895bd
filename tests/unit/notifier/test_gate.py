"""How many requests are under way."""

import asyncio

from secretary_notifier.gate import Gate


class Crowd:
    """Requests that stay until they are let go."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.inside: list[str] = []
        self.refused: list[str] = []
        self.leave = asyncio.Event()

    async def come(self, name: str, patience_sec: float = 60) -> None:
        async with self.gate.passing(name[0], patience_sec=patience_sec) as may_pass:
            (self.inside if may_pass else self.refused).append(name)
            if may_pass:
                await self.leave.wait()


async def settled(*coming: asyncio.Task[None]) -> None:
    await asyncio.sleep(0.02)
    assert not any(task.done() and task.exception() for task in coming)


async def test_no_origin_has_more_than_its_share_and_all_together_no_more_than_there_are() -> None:
    crowd = Crowd(Gate(slots=3, per_origin=2))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(crowd.come(name)) for name in ("a1", "a2", "a3", "b1", "b2")]
        await settled(*tasks)
        assert crowd.inside == ["a1", "a2", "b1"]
        crowd.leave.set()
    assert sorted(crowd.inside) == ["a1", "a2", "a3", "b1", "b2"]


async def test_who_waits_in_vain_is_told_and_takes_nothing() -> None:
    gate = Gate(slots=1, per_origin=1)
    crowd = Crowd(gate)
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.come("a1"))
        await asyncio.sleep(0)
        await asyncio.gather(crowd.come("a2", 0.01), crowd.come("b1", 0.01))
        crowd.leave.set()
    assert (crowd.inside, crowd.refused) == (["a1"], ["a2", "b1"])
    await crowd.come("a3", 0.01)
    assert crowd.inside[-1] == "a3"
    assert not gate._origins, "what nobody uses is forgotten"
