"""The store: all repositories over one connection to MongoDB, and MongoDB's clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from pymongo.errors import PyMongoError

from secretary_common.errors import StoreUnavailable
from secretary_common.mongo import indexes
from secretary_common.mongo.announcements import MongoJobTypeRepository, MongoTemplateRepository
from secretary_common.mongo.api_keys import MongoAuditRepository, MongoKeyRepository
from secretary_common.mongo.cache import MongoCacheRepository
from secretary_common.mongo.deliveries.endpoints import MongoEndpointRepository
from secretary_common.mongo.deliveries.repository import MongoDeliveryRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.files import MongoFileRepository
from secretary_common.mongo.jobs.batches import MongoBatchRepository
from secretary_common.mongo.jobs.feed import MongoJobFeed
from secretary_common.mongo.jobs.logs import MongoLogRepository
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.mongo.processes import (
    MongoFaultRepository,
    MongoNotifierRepository,
    MongoWorkerRepository,
)
from secretary_common.mongo.removal import MongoLockRepository, MongoRemovalRepository
from secretary_common.mongo.schema.version import VersionCheck
from secretary_common.mongo.server_time import ServerTime
from secretary_common.mongo.url import check_url
from secretary_common.observing.lasting_fault import LastingFault
from secretary_common.runtime.clock import ServerClock
from secretary_common.runtime.lifecycle import running
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import MONGO_CONNECTED
from secretary_common.runtime.resilient_loop import Failures, resilient_loop
from secretary_common.settings.service import MongoSection

log = get_logger(__name__)

TIME_REFRESH_SEC = 10.0
RECONNECT_SEC = 1.0
VERSION_CHECK_SEC = 60.0
SLOW_SEC = 0.25
"""MongoDB is slow if its commands take longer than this, in the mean of ten seconds."""


class Store:
    """The repositories of one database, and its clock."""

    def __init__(
        self, client: DatabaseClient, *, retention: timedelta = timedelta(days=30)
    ) -> None:
        """*retention*: how long a document is kept that was set aside as unreadable."""
        self.client = client
        self.version = VersionCheck(client)
        self.clock = ServerClock()
        self._time = ServerTime(client, self.clock)
        self.jobs = MongoJobRepository(client.collection("jobs"), self.clock, retention)
        self.job_feed = MongoJobFeed(client.collection("jobs"), self.clock)
        self.batches = MongoBatchRepository(client)
        self.logs = MongoLogRepository(client.collection("job_logs"))
        self.files = MongoFileRepository(client)
        self.cache = MongoCacheRepository(client.collection("cache"), self.files, self.clock)
        self.endpoints = MongoEndpointRepository(client.collection("endpoints"))
        self.deliveries = MongoDeliveryRepository(
            client.collection("deliveries"),
            client.collection("muted_urls"),
            self.clock,
            retention,
            self.endpoints,
        )
        self.notifiers = MongoNotifierRepository(client.collection("notifiers"))
        self.job_types = MongoJobTypeRepository(client.collection("job_types"))
        self.templates = MongoTemplateRepository(client.collection("templates"))
        self.removal = MongoRemovalRepository(client, self.clock, retention)
        self.locks = MongoLockRepository(client.collection("locks"))
        self.workers = MongoWorkerRepository(client.collection("workers"))
        self.audit = MongoAuditRepository(client.collection("audit"))
        self.faults = MongoFaultRepository(client.collection("faults"))
        self.keys = MongoKeyRepository(client.collection("api_keys"))

    async def ping(self) -> None:
        """Return when the primary has answered; synchronise ``clock`` with its time.

        Raises:
            StoreUnavailable: the primary did not answer, or MongoDB refused the connection.
        """
        try:
            await self._time.synchronise()
        except (StoreUnavailable, PyMongoError) as error:
            MONGO_CONNECTED.set(0)
            self.client.connection_state.fail(error.__cause__ or error)
            if isinstance(error, StoreUnavailable):
                raise
            raise StoreUnavailable("MongoDB refused the connection") from error
        MONGO_CONNECTED.set(1)
        self.client.connection_state.succeed()

    async def confirm(self) -> None:
        """Return when a majority of MongoDB's members has answered; synchronise ``clock``.

        A primary that has lost its majority still answers ``ping``.

        Raises:
            StoreUnavailable: there is no majority.
        """
        await self.ping()
        await self.client.collection("locks").find_one_confirmed({"_id": "contact"})

    async def disk_room(self) -> tuple[float, float] | None:
        """Return the free space and the size of MongoDB's disk, in bytes.

        Return None if MongoDB gives no figures: its user may lack the right ``dbStats``.
        """
        try:
            found = await self.client.statistics()
        except (StoreUnavailable, PyMongoError):
            return None
        size, used = found.get("fsTotalSize"), found.get("fsUsedSize")
        return (size - used, size) if size and used else None

    async def wait_until_ready(self, *, refuses_old: bool = True) -> None:
        """Return when MongoDB answers; log once while it does not answer.

        *refuses_old*: see ``VersionCheck.check``.

        Raises:
            ConfigurationError: this version of Secretary cannot serve the documents.
        """
        while True:
            try:
                await self.ping()
            except StoreUnavailable:
                await asyncio.sleep(RECONNECT_SEC)
            else:
                return await self.version.check(refuses_old=refuses_old)

    async def keep_time(self) -> None:
        """Keep ``clock`` on the server's time, and log a slow MongoDB; run until cancelled."""
        failures = Failures("clock", longest_wait_sec=TIME_REFRESH_SEC)
        slowness = LastingFault("store.slow")

        async def check() -> None:
            await self.ping()
            note_speed(self.client.timer.take_mean_sec(), slowness)

        await resilient_loop("clock", check, pause_sec=TIME_REFRESH_SEC, failures=failures)

    async def watch_schema(self) -> None:
        """Check the indexes and the version of the documents every minute; run until cancelled.

        Each missing index is logged once, and the others are used in queries.

        Raises:
            ConfigurationError: ``secretary-init`` of a newer version has changed the documents, and
                this version cannot serve them any more.
        """
        async with running(indexes.watch(self.client)):
            while True:
                await asyncio.sleep(VERSION_CHECK_SEC)
                await self.version.check()

    async def close(self) -> None:
        """Close the connection."""
        await self.client.close()


def note_speed(mean_sec: float, slowness: LastingFault) -> None:
    """Log that MongoDB is slow, once a minute while it is, and that it is quick again."""
    if mean_sec > SLOW_SEC:
        if slowness.record(mean_sec=round(mean_sec, 3)):
            log.warning("store.slow", mean_sec=round(mean_sec, 3))
    elif (lasted_sec := slowness.end()) is not None:
        log.info("store.quick", lasted_sec=lasted_sec)


def open_store(settings: MongoSection, *, retention: timedelta = timedelta(days=30)) -> Store:
    """Open the store that *settings* name.

    It connects at the first use, so a missing server raises nothing here.

    Raises:
        ConfigurationError: ``mongo.url`` is wrong.
    """
    check_url(settings.url)
    return Store(
        DatabaseClient(settings.url, settings.database, settings.driver), retention=retention
    )


@contextlib.asynccontextmanager
async def store_of(settings: MongoSection) -> AsyncIterator[Store]:
    """Open a store, wait until it is ready, and close it at the end.

    Raises:
        ConfigurationError: a newer version of Secretary has changed the documents. Older documents
            are not refused, because ``secretary-init`` migrates them.
    """
    store = open_store(settings)
    try:
        await store.wait_until_ready(refuses_old=False)
        yield store
    finally:
        await store.close()
