"""Batches, job types, workers, keys and figures. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any, TypedDict

from secretary_client.models.job import Counts


class BatchSubmitted(TypedDict):
    """An accepted batch."""

    batch_id: str
    job_ids: list[str]
    """In the order of the submitted jobs."""


class Batch(TypedDict):
    """A batch, and the number of its jobs in each state."""

    batch_id: str
    batch_name: str | None
    created_at: str
    status: str
    counts: Counts


class JobType(TypedDict):
    """A job type that workers have announced."""

    job_type: str
    schema: dict[str, Any] | None
    """The JSON Schema of its parameters."""
    paused: bool
    workers: int


class Template(TypedDict):
    """A template that jobs may name."""

    name: str
    languages: list[str]
    fields: list[dict[str, str]]


class Worker(TypedDict):
    """A worker that is alive."""

    id: str
    seen_at: str
    started_at: str
    host: str | None
    pid: int | None
    job_types: list[str]
    slots: int
    busy: int
    running: list[str]
    active: bool
    listening: bool
    unfit: dict[str, str]


class TypeStats(TypedDict):
    """The jobs of one type now."""

    waiting: int
    scheduled: int
    running: int
    oldest_wait_sec: float


class DeliveryStats(TypedDict):
    """The webhooks now."""

    pending: int
    dead: int


class Stats(TypedDict):
    """The waiting and running jobs of each type, and the webhooks."""

    counted_at: str
    types: dict[str, TypeStats]
    deliveries: DeliveryStats


class KeyLimits(TypedDict, total=False):
    """The limits of an API key; None: no limit."""

    max_running: int | None
    max_pending: int | None
    max_bytes: int | None
    requests_per_sec: float | None
    max_priority: int | None
    models: list[str] | None
    file_roots: list[str] | None
    s3_places: list[str] | None


class KeyUsage(TypedDict):
    """What an API key uses now."""

    running: int
    pending: int
    bytes: int


class ChangedKey(TypedDict):
    """An API key after a change, without its secret."""

    key_id: str
    name: str
    scopes: list[str]
    created_at: str | None
    expires_at: str | None
    last_used_at: str | None
    limits: KeyLimits


class ApiKey(ChangedKey):
    """An API key in a listing, without its secret."""

    used: KeyUsage


class KeyCreated(TypedDict):
    """A new API key; only this answer shows it."""

    key_id: str
    key: str


class AuditEntry(TypedDict):
    """A change that a key made."""

    id: str
    at: str
    key_id: str
    action: str
    target: str | None
    details: dict[str, Any] | None


class PresignedUpload(TypedDict):
    """Where to send a file past the API."""

    method: str
    url: str
    headers: dict[str, str]
    source: str
    expires_at: str
