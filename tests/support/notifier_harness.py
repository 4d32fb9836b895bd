"""A receiver with scripted answers, and the notifiers that send to it."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from typing import Any

from aiohttp import web
from cryptography.fernet import Fernet
from pydantic import SecretStr
from support.indexed_database import ensure_indexes

from secretary_common.models import (
    Delivery,
    DeliveryState,
    Job,
    JobStatus,
    Lease,
    NotifySlot,
    Phase,
    Webhook,
    new_job_id,
)
from secretary_common.mongo.store import Store, store_of
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.service import (
    ApiSection,
    BrokerSection,
    MongoSection,
    NotifierSection,
    SecuritySection,
)
from secretary_common.settings.settings import Settings
from secretary_notifier.main import serve

KEY = SecretStr(Fernet.generate_key().decode())
CIPHER = Cipher([KEY])
SERVICE_SECRET = "whsec_" + base64.b64encode(b"service-secret-of-32-bytes-length").decode()
OWN_SECRET = "whsec_" + base64.b64encode(b"webhook-secret-of-32-bytes-length").decode()

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


def running_lease(now: datetime) -> Lease:
    """The lease of a job that a worker runs."""
    return Lease(owner="worker-1", token="token-1", expires_at=now + timedelta(minutes=5))


@dataclass
class Hit:
    """One POST that the receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def delivery_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Answers 200, unless a path has a script."""

    port: int = 0
    hits: list[Hit] = field(default_factory=list)
    scripts: dict[str, list[int | Behaviour]] = field(default_factory=lambda: defaultdict(list))

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def script(self, path: str, *behaviours: int | Behaviour) -> str:
        """Use each of *behaviours* once at *path*, in order; return the URL of *path*."""
        self.scripts[path].extend(behaviours)
        return self.url(path)

    def at(self, path: str) -> list[Hit]:
        return [hit for hit in self.hits if hit.path == path]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        self.hits.append(Hit(request.path, headers, body, time.monotonic()))
        script = self.scripts[request.path]
        behaviour = script.pop(0) if script else 200
        if isinstance(behaviour, int):
            return web.Response(status=behaviour, text=f"status {behaviour}")
        return await behaviour(request)


@asynccontextmanager
async def running_receiver(port: int = 0) -> AsyncIterator[Receiver]:
    """Run a receiver on loopback; port 0 means a free port."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


class NotifierHarness:
    """A store with jobs that have events, and notifiers that deliver them."""

    def __init__(self, store: Store, mongo: MongoSection) -> None:
        self.store = store
        self._mongo = mongo

    def settings(
        self,
        *,
        amqp_url: str = "",
        reaches: str = "127.0.0.0/8",
        key: SecretStr = KEY,
        security: dict[str, Any] | None = None,
        **notifier: Any,
    ) -> Settings:
        """Return settings with quick retries and short deadlines.

        *security* adds to its section, *notifier* replaces values of its section.
        """
        section: dict[str, Any] = {
            "timeout_sec": 1.0,
            "poll_interval_sec": 0.2,
            "retry_schedule_sec": [0, 0.1, 0.1, 0.1],
            "signing_secrets": [SERVICE_SECRET],
            "http_port": 0,
            **notifier,
        }
        return Settings(
            mongo=self._mongo,
            broker=BrokerSection(url=SecretStr(amqp_url)),
            api=ApiSection(public_url="https://secretary.example"),
            notifier=NotifierSection(**section),
            security=SecuritySection(
                encryption_keys=[key],
                allow_networks=[IPv4Network(reaches)] if reaches else [],
                **(security or {}),
            ),
        )

    @asynccontextmanager
    async def notifier(self, **options: Any) -> AsyncIterator[None]:
        """Run a notifier; at the end it stops as after SIGTERM."""
        stop = asyncio.Event()
        running = asyncio.create_task(serve(self.settings(**options), stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def insert_job(
        self,
        url: str,
        phase: Phase = Phase.COMPLETED,
        *,
        seq: int = 7,
        token: str | None = None,
        secret: str | None = None,
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> Job:
        """Insert a job whose outbox slot holds an event for *url*."""
        now = self.store.clock.now()
        ended = phase is not Phase.PROCESSING
        job = Job(
            job_id=new_job_id(),
            job_type="pdf",
            owner="key-1",
            status=JobStatus(phase.value),
            run_at=now,
            created_at=now,
            updated_at=now,
            completed_at=now if ended else None,
            lease=None if ended else running_lease(now),
            results={"extracted_text": "Grüße"} if ended else None,
            seq=seq,
            notify=NotifySlot(seq=seq, run=1, phase=phase, due_at=now),
            webhook=Webhook(
                url=url,
                token=token and CIPHER.seal(token),
                secret=secret and CIPHER.seal(secret),
                headers=headers and {name: CIPHER.seal(text) for name, text in headers.items()},
            ),
        ).model_copy(update=fields)
        await self.store.jobs.insert(job)
        return job

    async def add_event(self, job: Job, phase: Phase, seq: int) -> None:
        """Put a later event of *job* into its slot, as a worker's write does."""
        slot = NotifySlot(seq=seq, run=1, phase=phase, due_at=self.store.clock.now())
        await self.store.client.collection("jobs").update_one(
            {"_id": job.job_id}, {"$set": {"notify": slot.model_dump(), "seq": seq}}
        )

    async def delivery(self, job: Job, seq: int = 7) -> Delivery | None:
        return await self.store.deliveries.get(f"msg_{job.job_id}_{seq}")

    async def wait_for(
        self, job: Job, state: DeliveryState, *, seq: int = 7, within: float = 5
    ) -> Delivery:
        """Wait until the delivery is in *state*, and return it; fail after *within* seconds."""
        found: Delivery | None = None

        async def is_so() -> bool:
            nonlocal found
            found = await self.delivery(job, seq)
            return found is not None and found.state is state

        await until(is_so, within=within, what=lambda: f"{state}, it is {found}")
        assert found is not None
        return found

    def later(self, seconds: float) -> datetime:
        return self.store.clock.now() + timedelta(seconds=seconds)


@asynccontextmanager
async def running_harness(mongo_url: str, database_name: str) -> AsyncIterator[NotifierHarness]:
    """Yield a harness over a real MongoDB."""
    mongo = MongoSection(url=mongo_url, database=database_name)
    async with store_of(mongo) as store:
        await ensure_indexes(store.client)
        yield NotifierHarness(store, mongo)


async def until(
    condition: Callable[[], bool | Awaitable[bool]],
    *,
    within: float = 5,
    what: Callable[[], str] = lambda: "the condition",
) -> None:
    """Return once *condition* holds; fail after *within* seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < deadline, f"not within {within} s: {what()}"
        await asyncio.sleep(0.02)
