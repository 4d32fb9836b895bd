"""The Prometheus metrics that several services have; each process shows its own at ``/metrics``.

The metrics of one service are in its module ``metrics``, so no other service shows them as 0. Those
of packages that are no service are here too: of documents, and of the sandbox.
"""

from __future__ import annotations

from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

M = TypeVar("M", bound=MetricWrapperBase)

disable_created_metrics()  # type: ignore[no-untyped-call] # half of all lines, and no use

QUICK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds of writes and commands; an operation of MongoDB ends after 5 s."""
LONG_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds of what jobs wait and run."""


class Children(dict[tuple[str, ...], M]):
    """The children of a metric by their label values. ``labels`` is called once for each child.

    A look-up here costs a tenth of a call of ``labels``.
    """

    def __init__(self, metric: M) -> None:
        """*metric* has labels."""
        super().__init__()
        self._metric = metric

    def __missing__(self, values: tuple[str, ...]) -> M:
        """Make the child for *values*, in the order of the labels."""
        self[values] = self._metric.labels(*values)
        return self[values]


DOORBELLS_RUNG = Counter(
    "secretary_doorbells_rung_total",
    "Doorbells published, by outcome: confirmed, failed",
    ["queue", "outcome"],
)
DOORBELLS_HEARD = Counter(
    "secretary_doorbells_heard_total",
    "Doorbells received, by outcome: claimed, gone, given_back, dead_lettered",
    ["queue", "outcome"],
)
DESCRIPTOR_SHORTAGES = Counter(
    "secretary_descriptor_shortages_total",
    "Checks, one every 5 s, that found the process without a descriptor to open",
)
LOOP_FAILURES = Counter(
    "secretary_loop_failures_total",
    "Rounds of this service's loops that failed, by loop and type of the error",
    ["loop", "error"],
)
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
    "Requests to providers, by outcome: ok, or the error's code",
    ["provider", "outcome"],
)
PROVIDER_UPLOADS_LEFT = Counter(
    "secretary_provider_uploads_left_total",
    "Uploads to providers that could not be deleted afterwards",
    ["provider"],
)
CACHE_TRANSFERRED = Counter(
    "secretary_cache_transferred_bytes_total",
    "Bytes read from and written to caches, by direction: read, written",
    ["direction"],
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
BROKER_HEARD = Gauge(
    "secretary_broker_silence_seconds",
    "Seconds since RabbitMQ last did its work for this role: listen, ring",
    ["role"],
)
MONGO_CONNECTED = Gauge(
    "secretary_mongo_connected", "1 while MongoDB's primary answers this process, else 0"
)
MONGO_SECONDS = Histogram(
    "secretary_mongo_command_seconds",
    "Duration of MongoDB's commands, by name; without those that wait for changes",
    ["command"],
    buckets=QUICK_BUCKETS,
)
MONGO_FAILURES = Counter(
    "secretary_mongo_command_failures_total", "MongoDB's commands that failed, by name", ["command"]
)
GROUP_ITEMS = Histogram(
    "secretary_group_commit_items",
    "Items that shared one write, by what is written",
    ["group"],
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
LOOP_LAG = Histogram(
    "secretary_event_loop_lag_seconds",
    "How late this process's event loop woke up, measured once a second",
    buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0),
)
DISK_FREE = Gauge(
    "secretary_disk_free_bytes", "Free space of the disk that holds this folder", ["folder"]
)
DISK_SIZE = Gauge(
    "secretary_disk_size_bytes", "Size of the disk that holds this folder", ["folder"]
)
