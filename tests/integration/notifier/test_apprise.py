"""The optional package apprise sends operator events to people; here to a JSON service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secretary_common.errors import ConfigurationError
from secretary_devstack.servers.receiver import Receiver
from secretary_notifier.operator import apprise_sender
from secretary_notifier.operator.apprise_sender import AppriseSender

pytestmark = pytest.mark.extra


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def url_of(receiver: Receiver) -> str:
    return receiver.url("/alerts").replace("http://", "json://")


async def test_an_event_reaches_every_service(receiver: Receiver) -> None:
    with Receiver() as other:
        await AppriseSender([url_of(receiver), url_of(other)]).send("RabbitMQ does not work")
        for one in (receiver, other):
            [request] = one.requests
            assert request.json["message"] == "RabbitMQ does not work"


async def test_a_service_that_fails_is_tried_again_and_stops_no_other(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise_sender, "RETRY_SEC", 0.0)
    with Receiver() as failing:
        failing.answer_next([500, 500])
        await AppriseSender([url_of(failing), url_of(receiver)]).send("one")
        assert len(failing.requests) == 3
    assert len(receiver.requests) == 1


def test_a_url_that_apprise_does_not_know_is_refused_without_its_text() -> None:
    with pytest.raises(ConfigurationError) as refused:
        AppriseSender(["nonsense://hunter2"])
    assert "operator.apprise_urls.0" in str(refused.value)
    assert "hunter2" not in str(refused.value)
