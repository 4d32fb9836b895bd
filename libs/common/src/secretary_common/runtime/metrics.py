"""The Prometheus metrics of all services; each process shows them at ``/metrics``."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

DOORBELLS_RUNG = Counter(
    "secretary_doorbells_rung_total",
    "Doorbells published, by outcome: confirmed, failed",
    ["queue", "outcome"],
)
DOORBELLS_HEARD = Counter(
    "secretary_doorbells_heard_total",
    "Doorbells received, by what came of them: claimed, gone, given_back, dead_lettered",
    ["queue", "outcome"],
)
DESCRIPTOR_SHORTAGES = Counter(
    "secretary_descriptor_shortages_total",
    "Checks, one every 5 s, that found the process without a descriptor to open",
)
WORKER_UNFIT = Gauge(
    "secretary_worker_unfit", "1 while this worker lacks something that its jobs need", ["reason"]
)
JOBS_HANDED_BACK_UNFIT = Counter(
    "secretary_jobs_unfit_total",
    "Jobs that this worker handed back because it lacked something",
    ["reason"],
)
LOOP_FAILURES = Counter(
    "secretary_loop_failures_total",
    "Rounds of this service's loops that failed, by loop and type of the error",
    ["loop", "error"],
)
JOBS_SETTLED = Counter(
    "secretary_jobs_settled_total",
    "Attempts ended, by job type and outcome",
    ["job_type", "outcome"],
)
DELIVERIES_ATTEMPTED = Counter(
    "secretary_deliveries_attempted_total", "Webhook attempts, by outcome", ["outcome"]
)
DELIVERIES_UNOPENED = Counter(
    "secretary_deliveries_unopened_total",
    "Webhooks put back unsent: none of security.encryption_keys opens their secrets",
)
DELIVERIES_STARVED = Counter(
    "secretary_deliveries_starved_total",
    "Webhooks put back unsent: the notifier lacked descriptors, memory, DNS or its proxy",
)
DELIVERY_SECONDS = Histogram("secretary_delivery_seconds", "Duration of webhook attempts")
PDF_PAGES = Counter(
    "secretary_pdf_pages_total",
    "Pages of PDFs in results, by how they were read and where from: read, cache",
    ["method", "source"],
)
SANDBOX_CHILDREN = Counter(
    "secretary_sandbox_children_total",
    "Child processes that ended, by outcome: done, cancelled, or the code of the error",
    ["outcome"],
)
PROVIDER_REQUESTS = Counter(
    "secretary_provider_requests_total",
    "Requests to providers, by what came of them: ok, or the error's code",
    ["provider", "outcome"],
)
PROVIDER_UPLOADS_LEFT = Counter(
    "secretary_provider_uploads_left_total",
    "Uploads to providers that could not be deleted afterwards",
    ["provider"],
)
DELIVERIES_IN_FLIGHT = Gauge(
    "secretary_deliveries_in_flight", "Webhooks this notifier is sending or recording"
)
DELIVERIES_HELD = Gauge(
    "secretary_deliveries_held", "Due webhooks this notifier has read and not yet started"
)
BREAKERS_OPEN = Gauge(
    "secretary_breakers_open", "Origins this notifier leaves alone because they failed"
)
CACHE_LOOKUPS = Counter(
    "secretary_cache_lookups_total",
    "Entries asked for, by cache and outcome: hit, miss, failed",
    ["cache", "outcome"],
)
CACHE_PUTS = Counter(
    "secretary_cache_puts_total",
    "Entries kept, by cache and outcome: kept, failed",
    ["cache", "outcome"],
)
CACHE_TRANSFERRED = Counter(
    "secretary_cache_transferred_bytes_total",
    "Bytes read from and written to caches, by direction: read, written",
    ["direction"],
)
CACHE_EVICTED = Counter(
    "secretary_cache_evicted_total", "Entries removed: long unused, or over cache.max_mb"
)
CACHE_STORED = Gauge(
    "secretary_cache_stored_bytes",
    "What caches take up, as the worker that sweeps counted last; 0 on all others",
)
DOCUMENTS_UNREADABLE = Counter(
    "secretary_documents_unreadable_total",
    "Documents of MongoDB that this process could not read, each counted once",
    ["collection"],
)
INDEXES_MISSING = Gauge(
    "secretary_indexes_missing", "Indexes of MongoDB that this process did not find when it checked"
)
BROKER_CONNECTED = Gauge(
    "secretary_broker_connected",
    "1 while RabbitMQ does its work for this role, else 0: listen, ring, prepare",
    ["role"],
)
