"""What the services of the API need: stores, settings, and facts about the process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from secretary_api.files.upload_limits import UploadLimits
from secretary_api.jobs.admission import Admission
from secretary_common.doctor.examination import examine
from secretary_common.doctor.finding import Finding
from secretary_common.mongo.store import Store
from secretary_common.ports import (
    AuditRepository,
    BatchRepository,
    DeliveryRepository,
    Doorbell,
    EndpointRepository,
    FileRepository,
    JobFeed,
    JobRepository,
    JobTypeRepository,
    KeyRepository,
    LogRepository,
    NotifierRepository,
    TemplateRepository,
    WorkerRepository,
)
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.lifecycle import Background
from secretary_common.runtime.metrics_token import NO_TOKEN, MetricsToken
from secretary_common.s3.buckets import Buckets
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.s3 import S3Section
from secretary_common.settings.service import CompatibleSection
from secretary_common.settings.settings import Settings

WEBHOOK_TEST_MARGIN_SEC = 5


async def no_findings() -> list[Finding]:
    """Return nothing: this process has no settings to examine."""
    return []


async def no_disk() -> None:
    """Return None: the room on the disk of the store is unknown."""


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """The objects and the settings that the API needs."""

    jobs: JobRepository
    job_feed: JobFeed
    batches: BatchRepository
    logs: LogRepository
    files: FileRepository
    deliveries: DeliveryRepository
    endpoints: EndpointRepository
    notifiers: NotifierRepository
    job_types: JobTypeRepository
    templates: TemplateRepository
    workers: WorkerRepository
    keys: KeyRepository
    audit: AuditRepository
    doorbell: Doorbell
    clock: Clock
    admission: Admission
    ping_store: Callable[[], Awaitable[None]]
    """Returns when MongoDB has answered; otherwise raises ``StoreUnavailable``."""
    pepper: str
    """The secret with which API keys and sessions are hashed."""
    retention: timedelta
    """How long an ended job is kept."""
    public_url: str
    """The URL of the API, for webhooks whose body would be too large."""
    in_background: Callable[[Coroutine[Any, Any, Any]], None]
    """Starts work for which no request waits, such as a ring."""
    bootstrap_key: str = ""
    """An admin key that is not in the store; empty: none."""
    source_url: str = ""
    """The address of the source code, which the AGPL asks to offer; empty: none."""
    metrics_token: MetricsToken = NO_TOKEN
    max_body_mb: float = 10
    max_values: int = 200_000
    """The most values in a JSON body."""
    turn_sec: float = 60
    """How long a large body waits for its turn."""
    uploads: UploadLimits = field(default_factory=UploadLimits)
    s3: S3Section = field(default_factory=S3Section)
    compatible: CompatibleSection = field(default_factory=CompatibleSection)
    webhook_test_sec: float = 30
    """How long a test of a webhook waits for its attempt."""
    disk_room: Callable[[], Awaitable[tuple[float, float] | None]] = no_disk
    """Returns the free space and the size of MongoDB's disk, in bytes; None: unknown."""
    examine: Callable[[], Awaitable[list[Finding]]] = no_findings
    """Returns what the checks of ``secretary-doctor`` find from here."""
    disk_free_share: float = 0.1
    """MongoDB's disk is almost full if a smaller share of it is free."""
    store_has_answered: Callable[[], bool] = lambda: True
    """Whether MongoDB has answered since this process started."""
    is_stopping: Callable[[], bool] = lambda: False
    """Whether the process was asked to stop; then endless requests end."""


def wire(
    settings: Settings,
    store: Store,
    doorbell: Doorbell,
    background: Background,
    *,
    store_answered: asyncio.Event,
    stopping: asyncio.Event,
) -> ApiDependencies:
    """Return the dependencies of the API for *settings*."""
    return ApiDependencies(
        jobs=store.jobs,
        job_feed=store.job_feed,
        batches=store.batches,
        logs=store.logs,
        files=store.files,
        deliveries=store.deliveries,
        endpoints=store.endpoints,
        notifiers=store.notifiers,
        job_types=store.job_types,
        templates=store.templates,
        workers=store.workers,
        keys=store.keys,
        audit=store.audit,
        doorbell=doorbell,
        clock=store.clock,
        admission=Admission(
            cipher=Cipher(settings.security.encryption_keys),
            guard=settings.security.url_guard(),
            file_roots=settings.files.roots,
            models=settings.llm.models,
            buckets=Buckets(settings.s3),
        ),
        ping_store=store.ping,
        disk_room=store.disk_room,
        examine=partial(examine, settings),
        disk_free_share=settings.operator.disk_free_percent / 100,
        store_has_answered=store_answered.is_set,
        is_stopping=stopping.is_set,
        retention=timedelta(days=settings.retention.finished_days),
        public_url=settings.api.public_url,
        in_background=background.start,
        pepper=settings.api.pepper.get_secret_value(),
        source_url=settings.api.source_url,
        metrics_token=settings.security.metrics_access(),
        bootstrap_key=settings.api.bootstrap_key.get_secret_value(),
        max_body_mb=settings.api.max_body_mb,
        max_values=settings.api.max_values,
        turn_sec=settings.api.turn_sec,
        uploads=_upload_limits(settings),
        s3=settings.s3,
        compatible=settings.compatible,
        webhook_test_sec=_webhook_test_sec(settings),
    )


def _upload_limits(settings: Settings) -> UploadLimits:
    section = settings.files
    return UploadLimits(
        max_bytes=int(section.max_upload_mb * 2**20),
        at_once=section.uploads_at_once,
        per_key=section.uploads_per_key,
        turn_sec=settings.api.turn_sec,
        min_kb_per_sec=section.min_upload_kb_per_sec,
        total_sec=section.upload_sec,
    )


def _webhook_test_sec(settings: Settings) -> float:
    """Return the time for one poll of the notifier and one attempt, with a margin."""
    section = settings.notifier
    return section.poll_interval_sec + section.timeout_sec + WEBHOOK_TEST_MARGIN_SEC
