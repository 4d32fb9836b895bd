"""Builds the services that routes call."""

from __future__ import annotations

from secretary_api.access.audit import Audit
from secretary_api.access.key_listing import KeyListing
from secretary_api.access.keyring import Keyring
from secretary_api.access.request_rate import RequestRate
from secretary_api.access.sessions import Sessions
from secretary_api.files.direct_uploads import DirectUploads
from secretary_api.files.downloads import Downloads
from secretary_api.files.uploads import UploadStore
from secretary_api.http.json_bodies import JsonBodies
from secretary_api.jobs.actions import FilteredActions, JobActions
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
from secretary_api.overview.overviews import Overviews
from secretary_api.overview.queue_figures import QueueFigures
from secretary_api.services import Services
from secretary_api.webhooks.deliveries import Deliveries
from secretary_api.webhooks.endpoints import Endpoints
from secretary_api.wiring.api_dependencies import ApiDependencies
from secretary_api.workers import LiveWorkers, WorkerActions


def services_over(parts: ApiDependencies) -> Services:
    """Return the services over *parts*."""
    announced = KnownJobTypes(parts.job_types, parts.clock)
    upload_store = UploadStore(parts.files, parts.clock, parts.uploads)
    keyring = Keyring(
        parts.keys, parts.clock, pepper=parts.pepper, bootstrap_key=parts.bootstrap_key
    )
    key_endpoints = KeyEndpoints(parts.endpoints)
    submitter = _submitter(parts, announced, upload_store, key_endpoints)
    queries = _job_queries(parts, announced)
    job_actions = _job_actions(parts)
    delivery_service = _deliveries(parts)
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


def _submitter(
    parts: ApiDependencies,
    job_types: KnownJobTypes,
    uploads: UploadStore,
    endpoints: KeyEndpoints,
) -> JobSubmitter:
    return JobSubmitter(
        jobs=parts.jobs,
        job_types=job_types,
        ringer=Ringer(parts.doorbell, parts.in_background),
        clock=parts.clock,
        admission=parts.admission,
        uploads=uploads,
        pending_limit=PendingLimit(parts.jobs, job_types),
        endpoints=endpoints,
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
