"""A notifier that must end although it sends a webhook records the receiver's answer first."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import web
from support.notifier_harness import NotifierHarness, Receiver, until

from secretary_common.errors import ConfigurationError
from secretary_common.models import DeliveryState
from secretary_common.mongo import store as store_module
from secretary_common.mongo.schema.version import DOCUMENT, collection_of
from secretary_notifier.main import serve

DEADLINE_SEC = 10.0


async def test_a_notifier_whose_database_became_too_new_ends_the_attempt_in_flight(
    harness: NotifierHarness,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(store_module, "VERSION_CHECK_SEC", 0.05)
    may_answer = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await may_answer.wait()
        return web.Response()

    job = await harness.insert_job(receiver.script("/hook", slow))
    settings = harness.settings(timeout_sec=DEADLINE_SEC)
    serving = asyncio.create_task(serve(settings, asyncio.Event()))
    await until(lambda: bool(receiver.hits))
    too_new = {"$set": {"number": 2**20, "oldest_reader": 2**20}}
    await collection_of(harness.store.client).update_one({"_id": DOCUMENT}, too_new, upsert=True)
    await until(lambda: serving.done() or "notifier.draining" in caplog.messages)
    may_answer.set()
    with pytest.raises(ConfigurationError):
        await asyncio.wait_for(serving, DEADLINE_SEC)
    delivery = await harness.delivery(job)
    assert delivery is not None
    assert (delivery.state, len(receiver.hits)) == (DeliveryState.DELIVERED, 1)
