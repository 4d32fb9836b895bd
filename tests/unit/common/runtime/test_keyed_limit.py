"""A limit in total and for each key."""

import asyncio

from secretary_common.runtime.keyed_limit import KeyedLimit


class Requests:
    """Requests that keep their permit until ``finish`` is set; a name begins with its key."""

    def __init__(self, limit: KeyedLimit) -> None:
        self.limit = limit
        self.granted: list[str] = []
        self.refused: list[str] = []
        self.finish = asyncio.Event()

    async def start(self, name: str, patience_sec: float | None = None) -> None:
        async with self.limit.permit(name[0], patience_sec=patience_sec) as has_permit:
            (self.granted if has_permit else self.refused).append(name)
            if has_permit:
                await self.finish.wait()


async def settled(*tasks: asyncio.Task[None]) -> None:
    await asyncio.sleep(0.02)
    assert not any(task.done() and task.exception() for task in tasks)


async def test_each_key_and_all_keys_together_have_a_limit() -> None:
    requests = Requests(KeyedLimit(total=3, per_key=2))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(requests.start(name)) for name in ("a1", "a2", "a3", "b1", "b2")]
        await settled(*tasks)
        assert requests.granted == ["a1", "a2", "b1"]
        requests.finish.set()
    assert sorted(requests.granted) == ["a1", "a2", "a3", "b1", "b2"]


async def test_a_key_without_a_permit_gets_a_reserved_one_however_many_others_have() -> None:
    requests = Requests(KeyedLimit(total=1, per_key=3, reserved=1))
    async with asyncio.TaskGroup() as group:
        names = ("a1", "a2", "a3", "b1", "b2")
        tasks = [group.create_task(requests.start(name)) for name in names]
        await settled(*tasks)
        assert requests.granted == ["a1", "a2", "b1"]
        requests.finish.set()
    assert sorted(requests.granted) == sorted(names)


async def test_a_request_that_runs_out_of_patience_gets_no_permit_and_takes_none() -> None:
    limit = KeyedLimit(total=1, per_key=1)
    requests = Requests(limit)
    async with asyncio.TaskGroup() as group:
        group.create_task(requests.start("a1"))
        await asyncio.sleep(0)
        await asyncio.gather(requests.start("a2", 0.01), requests.start("b1", 0.01))
        requests.finish.set()
    assert (requests.granted, requests.refused) == (["a1"], ["a2", "b1"])
    await requests.start("a3", 0.01)
    assert requests.granted[-1] == "a3"


async def test_a_key_without_requests_is_forgotten() -> None:
    limit = KeyedLimit(total=2, per_key=1)
    async with limit.permit("a"), limit.permit("b"):
        assert limit.active_keys == 2
    assert limit.active_keys == 0
