"""The Prometheus metrics of the worker."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from secretary_common.runtime.metrics import LONG_BUCKETS, QUICK_BUCKETS, Children

WORKER_UNFIT = Gauge(
    "secretary_worker_unfit", "1 while this worker lacks something that its jobs need", ["reason"]
)
JOBS_HANDED_BACK_UNFIT = Counter(
    "secretary_jobs_unfit_total",
    "Jobs that this worker handed back because it lacked something",
    ["reason"],
)
JOBS_SETTLED = Counter(
    "secretary_jobs_settled_total",
    "Attempts ended, by job type and outcome",
    ["job_type", "outcome"],
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
CACHE_EVICTED = Counter(
    "secretary_cache_evicted_total", "Entries removed: long unused, or over cache.max_mb"
)
CACHE_STORED = Gauge(
    "secretary_cache_stored_bytes",
    "What caches take up, as the worker that sweeps counted last; 0 on all others",
)
CLAIMS = Counter(
    "secretary_claims_total",
    "Jobs claimed, by how this worker found them: start, doorbell, slot, timer, poll, reclaim",
    ["found_by"],
)
LEASES_LOST = Counter(
    "secretary_leases_lost_total",
    "Leases of running jobs lost: taken by another worker, or unconfirmed in time",
    ["reason"],
)
WAIT_SECONDS = Histogram(
    "secretary_job_wait_seconds",
    "From the time a job is due to its claim, by job type; without reclaims",
    ["job_type"],
    buckets=LONG_BUCKETS,
)
RUN_SECONDS = Histogram(
    "secretary_job_run_seconds",
    "From the start of the handler to its end, by job type",
    ["job_type"],
    buckets=LONG_BUCKETS,
)
SETTLE_SECONDS = Histogram(
    "secretary_job_settle_seconds",
    "From the end of the handler to the stored end of the attempt, by job type",
    ["job_type"],
    buckets=QUICK_BUCKETS,
)
SLOTS = Gauge("secretary_worker_slots", "The slots of this worker")
SLOTS_FREE = Gauge("secretary_worker_slots_free", "The slots of this worker that are free")
HANDLER_LOOP_SILENCE = Gauge(
    "secretary_handler_loop_silence_seconds",
    "Seconds for which the handlers' event loop has not answered",
)

settled = Children(JOBS_SETTLED)
claims = Children(CLAIMS)
leases_lost = Children(LEASES_LOST)
wait_seconds = Children(WAIT_SECONDS)
run_seconds = Children(RUN_SECONDS)
settle_seconds = Children(SETTLE_SECONDS)
