"""API keys, their scopes, and their limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from secretary_common.models.value import JsonObject, Value

ADMIN = "admin"
"""The scope of API keys that may see and do everything."""
SUBMIT, READ, DELIVERIES = "submit", "read", "deliveries"
"""The scopes that bound what a key may do with its own jobs. Without any of them: everything."""
METRICS = "metrics"
"""The scope of API keys that may read the metrics of the service."""
BOOTSTRAP_ID = "bootstrap"
"""The id of the admin key from the configuration; no store holds it."""


MODEL_FORMAT = "language-model"
"""The ``format`` of a parameter that names a language model, in the job type's schema."""


class KeyLimits(Value):
    """The limits of an API key; None means no limit. See docs/keys.md."""

    max_running: int | None = None
    """The most jobs of the key that run at the same time, over all workers."""
    max_pending: int | None = None
    """The most jobs of the key that wait: due, scheduled, or waiting for their next attempt."""
    max_bytes: int | None = None
    """The most bytes of all stored uploads of the key."""
    requests_per_sec: float | None = None
    """The most requests a second, for each process of the API."""
    max_priority: int | None = None
    models: list[str] | None = None
    """The language models that jobs of the key may name."""
    file_roots: list[str] | None = None
    """The only folders whose files jobs of the key may name; each is in one of ``files.roots``."""
    s3_places: list[str] | None = None
    """The only places (``s3://bucket/prefix/``) whose objects jobs of the key may name."""


NO_LIMITS = KeyLimits()


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """The figures of an API key that its limits bound."""

    running: int = 0
    pending: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key. Only a digest of the secret is stored."""

    key_id: str
    digest: str
    name: str
    scopes: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    expires_at: datetime | None = None
    limits: KeyLimits = NO_LIMITS
    last_used_at: datetime | None = None
    """The last request, to the minute."""
    pepper_mark: str | None = None
    """The mark of the pepper under which ``digest`` was made; None: not known."""


class AuditEntry(Value):
    """A change that an API key made."""

    entry_id: str
    """Sorts by time."""
    created_at: datetime
    key_id: str
    action: str
    """What was done, e.g. ``key.create``."""
    target: str | None = None
    """The id of the thing that was changed."""
    details: JsonObject | None = None
