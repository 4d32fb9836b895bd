"""The notifier distinguishes a name that fails from a name service that is down."""

import asyncio
import socket

import pytest

from secretary_notifier.sending.name_service import NameService

AGAIN = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


class Resolver:
    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.all_fail = False

    async def __call__(self, host: str, port: int) -> list[str]:
        if self.all_fail or host in self.failing:
            raise AGAIN
        return ["93.184.216.34"]


async def test_one_failing_name_among_others_is_its_own_failure() -> None:
    names = NameService(Resolver("broken.example"))
    await names.look_up("well.example", 443)
    with pytest.raises(socket.gaierror):
        await names.look_up("broken.example", 443)
    assert not await names.is_down_for("broken.example")


async def test_if_another_known_name_fails_too_the_name_service_is_down() -> None:
    resolver = Resolver()
    names = NameService(resolver)
    for host in ("one.example", "two.example"):
        await names.look_up(host, 443)
    resolver.all_fail = True
    assert await names.is_down_for("one.example")
    assert await names.is_down_for("new.example")


async def test_the_only_known_name_fails_for_itself() -> None:
    names = NameService(Resolver())
    await names.look_up("one.example", 443)
    assert not await names.is_down_for("one.example")


async def test_a_name_service_that_never_answered_is_down() -> None:
    assert await NameService(Resolver()).is_down_for("one.example")


async def test_a_name_without_a_dot_says_nothing_about_the_name_service() -> None:
    """The file of hosts answers for it."""
    names = NameService(Resolver())
    await names.look_up("localhost", 443)
    assert await names.is_down_for("one.example")


async def test_a_look_up_that_a_deadline_cut_is_known() -> None:
    async def hang(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    names = NameService(hang)
    looking = asyncio.ensure_future(names.look_up("slow.example", 443))
    await asyncio.sleep(0)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert names.was_cut("slow.example")
    assert not names.was_cut("slow.example")
