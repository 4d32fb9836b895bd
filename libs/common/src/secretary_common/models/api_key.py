"""API keys and their scopes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

ADMIN = "admin"
"""The scope of API keys that may see and do everything."""
BOOTSTRAP_ID = "bootstrap"
"""The id of the admin key from the configuration; no store holds it."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key. Only a digest of the secret is stored."""

    key_id: str
    digest: str
    name: str
    scopes: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    expires_at: datetime | None = None
