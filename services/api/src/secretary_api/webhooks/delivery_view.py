"""Views of deliveries and receivers for clients: without leases, tokens and sealed values."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from secretary_api.schemas.delivery import (
    DeliveryAttemptView,
    DeliveryView,
    ReceiverView,
    WaitView,
)
from secretary_api.webhooks.deliveries import WAITING, ExplainedDelivery
from secretary_common.jobs.new_deliveries import TEST_MARK
from secretary_common.models import ENDPOINT_MARK, Delivery, ReceiverState
from secretary_common.secrets import secret_field


def delivery_of(explained: ExplainedDelivery) -> DeliveryView:
    """Return the view of a delivery."""
    delivery, wait = explained.delivery, explained.wait
    waiting = delivery.state in WAITING
    return DeliveryView(
        id=delivery.delivery_id,
        job_id=delivery.job_id if delivery.has_job else None,
        endpoint_id=delivery.endpoint_id,
        seq=delivery.seq,
        phase=delivery.phase,
        state=delivery.state,
        url=redacted_url(delivery.url),
        receiver=_lane(delivery.origin)[0],
        created_at=delivery.created_at,
        next_attempt_at=delivery.next_attempt_at if waiting else None,
        wait=WaitView(why=wait.why, until=wait.until) if wait else None,
        muted_until=explained.muted_until,
        reason=delivery.reason,
        attempts=[DeliveryAttemptView.model_validate(attempt) for attempt in delivery.attempts],
    )


def ended_test_of(delivery: Delivery) -> DeliveryView:
    """Return the view of a test that has ended: it waits for nothing."""
    return delivery_of(ExplainedDelivery(delivery, None, None))


def redacted_url(url: str) -> str:
    """Return *url* without user, password and fragment, and without the values of its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return secret_field.REDACTED
    host = parts.netloc.rpartition("@")[2]
    names = [part.partition("=") for part in parts.query.split("&") if part]
    query = "&".join(f"{name}={secret_field.REDACTED}" if is_ else name for name, is_, _ in names)
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def _lane(name: str) -> tuple[str, str | None]:
    """Return the origin and the endpoint of a lane."""
    name = name.removeprefix(TEST_MARK)
    origin, _, rest = name.rpartition(" ")
    return (origin, rest) if rest.startswith(ENDPOINT_MARK[1:]) else (name, None)


def receiver_of(state: ReceiverState, now: datetime) -> ReceiverView:
    """Return the view of a receiver at *now*."""
    origin, endpoint_id = _lane(state.origin)
    is_open = state.open_until is not None and state.open_until > now
    is_probing = state.open_until is not None and not is_open
    return ReceiverView(
        receiver=origin,
        endpoint_id=endpoint_id,
        breaker="open" if is_open else "probing" if is_probing else "closed",
        open_until=state.open_until if is_open else None,
        in_flight=state.in_flight,
        waiting=state.waiting,
        failures=state.failures,
        last_at=state.last_at,
        last_status=state.last_status,
        last_error=state.last_error,
    )
