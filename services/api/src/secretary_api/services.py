"""The services that routes call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

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
from secretary_api.jobs.admission import Admission
from secretary_api.jobs.all_jobs_stream import AllJobsStream
from secretary_api.jobs.batches import Batches
from secretary_api.jobs.idempotency import IdempotencyMarker
from secretary_api.jobs.job_types import KnownJobTypes
from secretary_api.jobs.queries import JobQueries
from secretary_api.jobs.stream import JobStream
from secretary_api.jobs.submitter import JobSubmitter
from secretary_api.overview.overviews import Overviews
from secretary_api.overview.queue_figures import QueueFigures
from secretary_api.webhooks.deliveries import Deliveries
from secretary_api.webhooks.endpoints import Endpoints
from secretary_api.workers import LiveWorkers, WorkerActions
from secretary_common.doctor.finding import Finding
from secretary_common.errors import StoreUnavailable
from secretary_common.ports import TemplateRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.metrics_token import MetricsToken


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one running application."""

    submitter: JobSubmitter
    jobs: JobQueries
    stream: JobStream
    all_jobs: AllJobsStream
    live_workers: LiveWorkers
    downloads: Downloads
    uploads: UploadStore
    direct_uploads: DirectUploads
    actions: JobActions
    filtered_actions: FilteredActions
    audit: Audit
    batches: Batches
    job_types: KnownJobTypes
    workers: WorkerActions
    overviews: Overviews
    deliveries: Deliveries
    endpoints: Endpoints
    templates: TemplateRepository
    keyring: Keyring
    sessions: Sessions
    bodies: JsonBodies
    admission: Admission
    keys: KeyListing
    request_rate: RequestRate
    queue_figures: QueueFigures
    metrics_token: MetricsToken
    ping_store: Callable[[], Awaitable[None]]
    """Returns when MongoDB has answered; otherwise raises ``StoreUnavailable``."""
    examine: Callable[[], Awaitable[list[Finding]]]
    """Returns what the checks of ``secretary-doctor`` find from here."""
    marker: IdempotencyMarker
    clock: Clock
    store_has_answered: Callable[[], bool]
    """Whether MongoDB has answered since this process started."""

    def require_store(self) -> None:
        """Refuse a request at once until MongoDB has answered for the first time.

        Without this check, the request would wait for the whole deadline of an operation.

        Raises:
            StoreUnavailable: MongoDB has not answered yet.
        """
        if not self.store_has_answered():
            raise StoreUnavailable("MongoDB has not answered yet")
