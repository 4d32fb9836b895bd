"""What the notifier itself lacks costs a delivery no attempt and its origin no trust."""

import errno
import os
import socket
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from support.notifier_harness import CIPHER

from secretary_common.http.egress import GuardedSession
from secretary_common.models import Delivery, DeliveryState, Phase
from secretary_notifier.sending.name_service import NameService
from secretary_notifier.sending.sender import Sender
from secretary_notifier.verdict import Answer, decide_in_shortage

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
DELIVERY = Delivery(
    delivery_id="msg_job-1_7",
    job_id="job-1",
    owner="key-1",
    seq=7,
    run=1,
    phase=Phase.COMPLETED,
    url="https://receiver.example/",
    origin="https://receiver.example:443",
    body=b"{}",
    created_at=NOW,
)
KEY = ConnectionKey("receiver.example", 443, True, True, None, None, None)  # noqa: FBT003


class Failing:
    """A session whose every request fails in the same way."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    async def post(self, *_: Any) -> aiohttp.ClientResponse:
        raise self.failure


async def answer_to(failure: Exception, names: NameService | None = None) -> Answer:
    sender = Sender(cast("GuardedSession", Failing(failure)), CIPHER, names=names)
    return await sender.send(DELIVERY, NOW, 5)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_without_descriptors_or_memory_nothing_is_held_against_the_receiver(
    number: int,
) -> None:
    cause = OSError(number, os.strerror(number))
    answer = await answer_to(aiohttp.ClientConnectorError(KEY, cause))
    assert answer.error == f"shortage: {os.strerror(number)}"
    assert (answer.is_attempt, answer.origin_failed) == (False, None)
    verdict = decide_in_shortage(answer, NOW, 5)
    assert (verdict.state, verdict.is_for_others) == (DeliveryState.PENDING, True)
    assert verdict.next_attempt_at is not None
    assert verdict.next_attempt_at > NOW


async def test_a_refused_connection_is_the_receivers_own() -> None:
    cause = OSError(errno.ECONNREFUSED, "refused")
    answer = await answer_to(aiohttp.ClientConnectorError(KEY, cause))
    assert (answer.error_class, answer.is_attempt, answer.origin_failed) == ("connect", True, True)


@pytest.mark.parametrize("is_down", [True, False])
async def test_an_unresolved_name_counts_unless_no_name_can_be_resolved(*, is_down: bool) -> None:
    class Names(NameService):
        async def is_down_for(self, host: str) -> bool:
            return is_down

    cause = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    answer = await answer_to(aiohttp.ClientConnectorDNSError(KEY, cause), Names())
    assert answer.is_attempt is not is_down


async def test_a_proxy_that_cannot_be_reached_is_the_notifiers_own() -> None:
    cause = OSError(errno.ECONNREFUSED, "refused")
    answer = await answer_to(aiohttp.ClientProxyConnectionError(KEY, cause))
    assert "security.proxy_url" in (answer.error or "")
    assert not answer.is_attempt
