"""Prometheus counters all services share; each process shows them at ``/metrics``."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

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
JOBS_SETTLED = Counter(
    "secretary_jobs_settled_total",
    "Attempts ended, by job type and outcome",
    ["job_type", "outcome"],
)
DELIVERIES_ATTEMPTED = Counter(
    "secretary_deliveries_attempted_total", "Webhook attempts, by outcome", ["outcome"]
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
