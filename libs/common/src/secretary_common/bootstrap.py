"""``secretary-init``: prepares MongoDB and RabbitMQ for the services. Safe to repeat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel

from secretary_common.broker import topology
from secretary_common.broker.connection import nodes_of
from secretary_common.broker.policy import set_policy
from secretary_common.broker.preparation import declare_queues
from secretary_common.errors import ConfigurationError, StoreUnavailable
from secretary_common.models import JobTypeInfo, TemplateInfo, job_type_fault
from secretary_common.mongo import indexes, replica_set
from secretary_common.mongo.schema.migration import migrate
from secretary_common.mongo.store import Store, store_of
from secretary_common.mongo.url import check_url
from secretary_common.runtime.log import configure_logging, get_logger
from secretary_common.settings.service import BrokerSection
from secretary_common.settings.settings import Settings, exit_if_misconfigured, load_settings

log = get_logger(__name__)

Result = TypeVar("Result")

ENTRY_POINTS = "secretary.job_types"
TEMPLATE_ENTRY_POINTS = "secretary.templates"
STORE_RETRY_SEC = 1.0
# Longer than a broker needs to start. After this time the queues are left to the services.
BROKER_WAIT_SEC = 60.0


def installed_job_types() -> list[JobTypeInfo]:
    """Return the job types of the installed packages: entry points that name a parameter model.

    Raises:
        ConfigurationError: a name is not valid for a job type.
    """
    found = []
    for point in entry_points(group=ENTRY_POINTS):
        if fault := job_type_fault(point.name):
            raise ConfigurationError(f"the entry point {point.name!r} of {ENTRY_POINTS}: {fault}")
        model: type[BaseModel] = point.load()
        found.append(JobTypeInfo(point.name, model.model_json_schema()))
    return found


def installed_templates() -> list[TemplateInfo]:
    """Return the templates of the installed packages: entry points that name a listing function."""
    listings: list[Callable[[], list[TemplateInfo]]] = [
        point.load() for point in entry_points(group=TEMPLATE_ENTRY_POINTS)
    ]
    return [info for listing in listings for info in listing()]


async def prepare(settings: Settings) -> None:
    """Prepare MongoDB (replica set, indexes, documents) and create the queues.

    The function also announces the job types and templates of the installed packages. It waits
    until MongoDB answers.

    Raises:
        ConfigurationError: ``mongo.url`` is wrong, MongoDB runs without ``--replSet``, or the name
            of an installed job type is not valid.
    """
    check_url(settings.mongo.url)
    await _initiate(settings.mongo.url)
    job_types, templates = installed_job_types(), installed_templates()
    async with store_of(settings.mongo) as store:
        # MongoDB may refuse an index; the services work without it.
        refused = await _until_done(
            store, lambda: indexes.ensure(store.client), "indexes.interrupted"
        )
        log.info("indexes.ready", refused=refused)
        version = await _until_done(store, lambda: migrate(store.client), "schema.interrupted")
        log.info("schema.ready", version=version)
        for announce in (
            lambda: store.job_types.announce(job_types),
            lambda: store.templates.announce(templates),
        ):
            await _until_done(store, announce, "announcement.interrupted")
    names = [info.job_type for info in job_types]
    log.info("job_types.announced", job_types=",".join(names))
    log.info("templates.announced", templates=",".join(info.name for info in templates))
    if settings.broker.url.get_secret_value():
        await _make_queues(settings.broker, names)


async def _initiate(url: str) -> None:
    waiting = False
    while True:
        try:
            if await asyncio.to_thread(replica_set.initiate, url):
                log.info("replica_set.initiated")
        except StoreUnavailable as error:
            if not waiting:
                log.warning("store.awaited", reason=str(error.__cause__)[:300])
            waiting = True
            await asyncio.sleep(STORE_RETRY_SEC)
        else:
            return


async def _until_done(
    store: Store, work: Callable[[], Awaitable[Result]], interrupted: str
) -> Result:
    """Return the result of *work*, which is safe to repeat; repeat it after each outage.

    *interrupted* is the event that is logged for an outage.
    """
    while True:
        try:
            return await work()
        except StoreUnavailable as error:
            log.warning(interrupted, reason=str(error.__cause__ or error)[:300])
            await asyncio.sleep(STORE_RETRY_SEC)
            await store.wait_until_ready(refuses_old=False)


async def _make_queues(broker: BrokerSection, job_types: list[str]) -> None:
    url = broker.url.get_secret_value()
    queues = topology.all_queues(job_types)
    if not await declare_queues(
        url, queues, wait_sec=BROKER_WAIT_SEC, queue_type=broker.queue_type
    ):
        log.warning("broker.not_prepared", waited_sec=BROKER_WAIT_SEC)
        return
    log.info("queues.made", queues=",".join(queues))
    if management_url := broker.management_url.get_secret_value():
        virtual_host = unquote(urlsplit(nodes_of(url)[0]).path[1:]) or "/"
        if await asyncio.to_thread(set_policy, management_url, virtual_host):
            log.info("broker.policy_set")


def main() -> None:
    """Run ``secretary-init``."""
    configure_logging("init")
    with exit_if_misconfigured("secretary-init"):
        settings = load_settings()
        configure_logging("init", level=settings.log.level, style=settings.log.format)
        asyncio.run(prepare(settings))
