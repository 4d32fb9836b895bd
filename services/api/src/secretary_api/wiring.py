"""Builds the services of the routes from what the process has opened: stores and doorbell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from secretary_api.audit import Audit
from secretary_api.auth import Keyring
from secretary_api.deliveries import Deliveries
from secretary_api.dependencies import Services
from secretary_api.endpoints import Endpoints
from secretary_api.files.direct_uploads import DirectUploads
from secretary_api.files.downloads import Downloads
from secretary_api.files.upload_limits import UploadLimits
from secretary_api.files.uploads import UploadStore
from secretary_api.http.json_bodies import JsonBodies
from secretary_api.jobs.actions import FilteredActions, JobActions
from secretary_api.jobs.admission import Admission
from secretary_api.jobs.all_jobs_stream import AllJobsStream
from secretary_api.jobs.batches import Batches
from secretary_api.jobs.idempotency import IdempotencyMarker
from secretary_api.jobs.job_types import KnownJobTypes
from secretary_api.jobs.pending_limit import PendingLimit
from secretary_api.jobs.queries import JobQueries
from secretary_api.jobs.ringer import Ringer
from secretary_api.jobs.stream import JobStream
from secretary_api.jobs.submitter import JobSubmitter
from secretary_api.key_endpoints import KeyEndpoints
from secretary_api.key_listing import KeyListing
from secretary_api.overview.overviews import Overviews
from secretary_api.overview.queue_figures import QueueFigures
from secretary_api.request_rate import RequestRate
from secretary_api.sessions import Sessions
from secretary_api.workers import LiveWorkers, WorkerActions
from secretary_common.doctor.finding import Finding
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
from secretary_common.runtime.metrics_token import NO_TOKEN, MetricsToken
from secretary_common.settings.s3 import S3Section
from secretary_common.settings.service import CompatibleSection


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
    pepper: str
    retention: timedelta
    public_url: str
    in_background: Callable[[Coroutine[Any, Any, Any]], None]
    bootstrap_key: str = ""
    source_url: str = ""
    metrics_token: MetricsToken = NO_TOKEN
    max_body_mb: float = 10
    max_values: int = 200_000
    turn_sec: float = 60
    uploads: UploadLimits = field(default_factory=UploadLimits)
    s3: S3Section = field(default_factory=S3Section)
    compatible: CompatibleSection = field(default_factory=CompatibleSection)
    webhook_test_sec: float = 30
    disk_room: Callable[[], Awaitable[tuple[float, float] | None]] = no_disk
    examine: Callable[[], Awaitable[list[Finding]]] = no_findings
    disk_free_share: float = 0.1
    store_has_answered: Callable[[], bool] = lambda: True
    is_stopping: Callable[[], bool] = lambda: False


def services_over(parts: ApiDependencies) -> Services:
    """Return the services over *parts*."""
    announced = KnownJobTypes(parts.job_types, parts.clock)
    upload_store = UploadStore(parts.files, parts.clock, parts.uploads)
    pending_limit = PendingLimit(parts.jobs, announced)
    keyring = Keyring(
        parts.keys, parts.clock, pepper=parts.pepper, bootstrap_key=parts.bootstrap_key
    )
    job_actions = _job_actions(parts)
    key_endpoints = KeyEndpoints(parts.endpoints, parts.clock)
    delivery_service = _deliveries(parts)
    submitter = JobSubmitter(
        jobs=parts.jobs,
        job_types=announced,
        ringer=Ringer(parts.doorbell, parts.in_background),
        clock=parts.clock,
        admission=parts.admission,
        uploads=upload_store,
        pending_limit=pending_limit,
        endpoints=key_endpoints,
    )
    queries = _job_queries(parts, announced)
    return Services(
        submitter=submitter,
        jobs=queries,
        stream=JobStream(parts.jobs, keyring.is_valid, parts.is_stopping),
        all_jobs=AllJobsStream(
            parts.job_feed, parts.jobs, parts.clock, keyring.is_valid, parts.is_stopping
        ),
        live_workers=LiveWorkers(parts.workers, parts.clock),
        uploads=upload_store,
        direct_uploads=DirectUploads(parts.s3, parts.clock),
        downloads=Downloads(parts.files),
        actions=job_actions,
        filtered_actions=FilteredActions(parts.jobs, job_actions),
        audit=Audit(parts.audit, parts.clock, parts.in_background),
        batches=_batches(parts, submitter, job_actions),
        job_types=announced,
        workers=_worker_actions(parts, announced),
        deliveries=delivery_service,
        endpoints=Endpoints(parts.endpoints, key_endpoints, delivery_service, parts.clock),
        overviews=_overviews(parts, queries, delivery_service, keyring),
        keyring=keyring,
        sessions=Sessions(keyring, parts.clock, pepper=parts.pepper),
        bodies=JsonBodies(max_values=parts.max_values, turn_sec=parts.turn_sec),
        admission=parts.admission,
        keys=KeyListing(keyring, parts.jobs, parts.files),
        request_rate=RequestRate(),
        queue_figures=_queue_figures(parts, announced),
        metrics_token=parts.metrics_token,
        templates=parts.templates,
        ping_store=parts.ping_store,
        examine=parts.examine,
        marker=IdempotencyMarker(parts.pepper),
        clock=parts.clock,
        store_has_answered=parts.store_has_answered,
    )


def _queue_figures(parts: ApiDependencies, announced: KnownJobTypes) -> QueueFigures:
    return QueueFigures(
        jobs=parts.jobs,
        job_types=announced,
        workers=parts.workers,
        deliveries=parts.deliveries,
        notifiers=parts.notifiers,
        clock=parts.clock,
        disk_room=parts.disk_room,
        disk_free_share=parts.disk_free_share,
    )


def _batches(parts: ApiDependencies, single: JobSubmitter, actions: JobActions) -> Batches:
    """Return the batches, which share what the submission of single jobs uses."""
    return Batches(
        batches=parts.batches,
        jobs=parts.jobs,
        job_types=single.job_types,
        actions=actions,
        ringer=single.ringer,
        clock=parts.clock,
        admission=parts.admission,
        uploads=single.uploads,
        pending_limit=single.pending_limit,
        endpoints=single.endpoints,
    )


def _job_actions(parts: ApiDependencies) -> JobActions:
    return JobActions(
        jobs=parts.jobs,
        deliveries=parts.deliveries,
        doorbell=parts.doorbell,
        clock=parts.clock,
        retention=parts.retention,
        public_url=parts.public_url,
        endpoints=parts.endpoints,
    )


def _job_queries(parts: ApiDependencies, job_types: KnownJobTypes) -> JobQueries:
    return JobQueries(
        jobs=parts.jobs,
        logs=parts.logs,
        deliveries=parts.deliveries,
        job_types=job_types,
        clock=parts.clock,
    )


def _overviews(
    parts: ApiDependencies, queries: JobQueries, deliveries: Deliveries, keyring: Keyring
) -> Overviews:
    return Overviews(
        jobs=parts.jobs,
        queries=queries,
        workers=parts.workers,
        deliveries=deliveries,
        notifiers=parts.notifiers,
        doorbell=parts.doorbell,
        keyring=keyring,
        clock=parts.clock,
        retention=parts.retention,
    )


def _worker_actions(parts: ApiDependencies, job_types: KnownJobTypes) -> WorkerActions:
    return WorkerActions(
        workers=parts.workers,
        job_types=job_types,
        jobs=parts.jobs,
        doorbell=parts.doorbell,
        clock=parts.clock,
    )


def _deliveries(parts: ApiDependencies) -> Deliveries:
    return Deliveries(
        deliveries=parts.deliveries,
        jobs=parts.jobs,
        endpoints=parts.endpoints,
        notifiers=parts.notifiers,
        doorbell=parts.doorbell,
        clock=parts.clock,
        cipher=parts.admission.cipher,
        guard=parts.admission.guard,
        test_sec=parts.webhook_test_sec,
    )
