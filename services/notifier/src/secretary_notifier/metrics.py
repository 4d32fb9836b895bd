"""The Prometheus metrics of the notifier."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

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
DELIVERIES_IN_FLIGHT = Gauge(
    "secretary_deliveries_in_flight", "Webhooks this notifier is sending or recording"
)
DELIVERIES_HELD = Gauge(
    "secretary_deliveries_held", "Due webhooks this notifier has read and not yet started"
)
BREAKERS_OPEN = Gauge(
    "secretary_breakers_open", "Origins this notifier leaves alone because they failed"
)
DELIVERIES_ENDED = Counter(
    "secretary_deliveries_ended_total",
    "Deliveries that have ended, by state: delivered, dead, dropped, superseded",
    ["state"],
)
