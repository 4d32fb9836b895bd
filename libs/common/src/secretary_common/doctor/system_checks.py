"""Checks of what the store holds: secrets, API keys, workers, receivers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from secretary_common.doctor.finding import Finding, fault, ok
from secretary_common.errors import UrlRefused
from secretary_common.http.url_guard import UrlGuard
from secretary_common.models import DeliveryQuery, JobQuery, SealedSecret, WorkerReport
from secretary_common.mongo.store import Store
from secretary_common.secrets.cipher import Cipher, UnknownKey
from secretary_common.secrets.pepper import pepper_mark

SAMPLE = 20
"""The checks examine this many jobs, as many endpoints, and ten times as many deliveries."""
NOTIFIER_SEEN = timedelta(minutes=1)
REFUSED = "url_refused"
_PORTS = {"http": 80, "https": 443}
_DNS_SEC = 5.0


async def check_encryption(store: Store, cipher: Cipher) -> list[Finding]:
    """Check that the newest stored secrets can be decrypted."""
    sealed = await _sealed(store)
    unknown = sum(not _opens(cipher, one) for one in sealed)
    if unknown:
        message = f"{unknown} of {len(sealed)} stored secrets cannot be decrypted"
        remedy = "add the key that encrypted them to security.encryption_keys"
        return [fault("secrets.wrong_encryption_key", message, remedy)]
    return [ok("secrets", f"{len(sealed)} stored secrets can be decrypted")]


async def _sealed(store: Store) -> list[SealedSecret]:
    found: list[SealedSecret | None] = []
    for endpoint in await store.endpoints.find(None, limit=SAMPLE):
        found += [endpoint.secret, *(endpoint.headers or {}).values()]
    for summary in await store.jobs.find(JobQuery(limit=SAMPLE)):
        job = await store.jobs.get(summary.job_id)
        if job is not None and (hook := job.webhook) is not None:
            found += [hook.token, hook.secret, *(hook.headers or {}).values()]
    return [one for one in found if one is not None]


def _opens(cipher: Cipher, sealed: SealedSecret) -> bool:
    try:
        cipher.open(sealed)
    except UnknownKey:
        return False
    return True


async def check_pepper(store: Store, pepper: str) -> list[Finding]:
    """Check that the API keys were made under *pepper*. Keys of older versions have no mark."""
    keys, mark = await store.keys.all(), pepper_mark(pepper)
    other = [key for key in keys if key.pepper_mark not in (None, mark)]
    if other:
        message = f"{len(other)} of {len(keys)} API keys were made under another pepper"
        remedy = "restore api.pepper, or make new keys; the old ones are refused"
        return [fault("keys.pepper_changed", message, remedy)]
    return [ok("keys", f"{len(keys)} API keys")]


async def check_workers(store: Store) -> list[Finding]:
    """Check that each type of the waiting jobs has a worker, and that workers lack nothing."""
    now = store.clock.now()
    workers = await store.workers.alive(now)
    names = [info.job_type for info in await store.job_types.all() if not info.paused]
    waiting = await store.jobs.statistics(names, now)
    found = [
        fault(
            "workers.none_for_type",
            f"{one.waiting} jobs of the type {name} wait, and no worker runs this type",
            "start a worker, or add the type to worker.job_types",
        )
        for name, one in waiting.items()
        if one.waiting and not _runs(name, workers)
    ]
    for worker in workers:
        found += [
            fault(f"worker.{lack}", f"the worker on {worker.host}: {why}", "see docs/operations.md")
            for lack, why in worker.unfit.items()
        ]
    if not workers and not found:
        found.append(fault("workers.none", "no worker is alive", "start a worker"))
    return found or [ok("workers", f"{len(workers)} workers are alive")]


def _runs(job_type: str, workers: Sequence[WorkerReport]) -> bool:
    return any(worker.active and job_type in worker.job_types for worker in workers)


async def check_notifiers(store: Store) -> list[Finding]:
    """Check that a notifier is alive; a fault names the number of webhooks that wait."""
    if await store.notifiers.any_alive(store.clock.now() - NOTIFIER_SEEN):
        return [ok("notifiers", "a notifier is alive")]
    pending = (await store.deliveries.counts()).get("pending", 0)
    message = f"no notifier is alive, and {pending} webhooks wait"
    return [fault("notifiers.none", message, "start a notifier")]


async def check_receivers(store: Store, guard: UrlGuard) -> list[Finding]:
    """Check that the guard lets webhooks reach the endpoints and the newest receivers."""
    refused: dict[str, str] = {}
    for delivery in await store.deliveries.find(DeliveryQuery(limit=SAMPLE * 10)):
        last = delivery.attempts[-1] if delivery.attempts else None
        if last is not None and (last.error or "").startswith(REFUSED):
            refused.setdefault(delivery.origin, last.error or "")
    for endpoint in await store.endpoints.find(None, limit=SAMPLE):
        if endpoint.enabled and (why := await _refusal(guard, endpoint.url)) is not None:
            refused.setdefault(_origin(endpoint.url), why)
    remedy = "add the receiver to security.allow_hosts or security.allow_networks"
    found = [
        fault("receiver.blocked", f"{origin}: {why}"[:400], remedy)
        for origin, why in refused.items()
    ]
    return found or [ok("receivers", "the address guard refuses no receiver")]


async def _refusal(guard: UrlGuard, url: str) -> str | None:
    parts = urlsplit(url)
    try:
        guard.check_url(url)
        async with asyncio.timeout(_DNS_SEC):
            await guard.resolve(parts.hostname or "", parts.port or _PORTS[parts.scheme])
    except UrlRefused as error:
        return error.message
    except (OSError, TimeoutError):
        return None  # the receiver is away, which the deliveries show
    return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
