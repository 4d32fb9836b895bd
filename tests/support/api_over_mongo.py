"""The API in this process over a real MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from cryptography.fernet import Fernet
from pydantic import SecretStr
from support.api_harness import ADMIN_KEY, PEPPER
from support.indexed_database import ensure_indexes

from secretary_api.app import create_app
from secretary_api.wiring.api_dependencies import wire
from secretary_common.models import JobTypeInfo
from secretary_common.mongo.store import store_of
from secretary_common.runtime.lifecycle import Background
from secretary_common.settings.service import ApiSection, MongoSection, SecuritySection
from secretary_common.settings.settings import Settings
from secretary_common.testing.doorbell import RecordingDoorbell

Client = httpx.AsyncClient


@asynccontextmanager
async def api_over(url: str, database: str) -> AsyncIterator[Client]:
    """Yield a client of the API over the database, with an admin's key."""
    settings = Settings(
        mongo=MongoSection(url=url, database=database),
        api=ApiSection(
            pepper=SecretStr(PEPPER),
            bootstrap_key=SecretStr(ADMIN_KEY),
            max_values=10_000_000,  # so that MongoDB's own limit comes first
        ),
        security=SecuritySection(
            encryption_keys=[SecretStr(Fernet.generate_key().decode())]  # as generated
        ),
    )
    answered = asyncio.Event()
    async with store_of(settings.mongo) as store:
        await ensure_indexes(store.client)
        answered.set()
        await store.job_types.announce([JobTypeInfo("custom")])
        app = create_app(
            wire(
                settings,
                store,
                RecordingDoorbell(),
                Background(),
                store_answered=answered,
                stopping=asyncio.Event(),
            )
        )
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        async with Client(transport=transport, base_url="http://api", headers=headers) as client:
            yield client
