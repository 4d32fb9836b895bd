"""What the API asks about: job types, listings, keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from secretary_common.models.states import JobStatus
from secretary_common.models.value import JsonObject


@dataclass(frozen=True, slots=True)
class JobTypeInfo:
    """A job type somebody has announced."""

    job_type: str
    parameter_schema: JsonObject | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs a listing wants; None means any."""

    owner: str | None = None
    status: JobStatus | None = None
    job_type: str | None = None
    batch_id: str | None = None
    tag: str | None = None
    user_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    limit: int = 50
    after: tuple[datetime, str] | None = None
    """The (created_at, job_id) of the last job of the page before; newest first."""


ADMIN = "admin"
"""The scope of API keys that may see and do everything."""
BOOTSTRAP_ID = "bootstrap"
"""The id of the admin key that stands in no store."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key; the secret itself is nowhere."""

    key_id: str
    digest: str
    name: str
    scopes: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    expires_at: datetime | None = None
