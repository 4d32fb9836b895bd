"""API keys in requests and answers."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from secretary_api.schemas.envelope import Request, Timestamp, View
from secretary_api.schemas.submission import ShortText, Time

Scope = Literal["admin"]
"""The rights of a key beyond its own jobs; an admin may do everything."""


class KeyRequest(Request):
    """A key to create."""

    name: ShortText = Field(examples=["the wiki"])
    scopes: list[Scope] = Field(default_factory=list, max_length=10)
    expires_at: Time | None = None


class KeyCreated(View):
    """A new key; only this answer shows it."""

    key_id: str
    key: str = Field(examples=["sk_0123456789ab_…"])


class KeyView(View):
    """A key without its secret."""

    model_config = ConfigDict(from_attributes=True)

    key_id: str
    name: str
    scopes: list[str]
    created_at: Timestamp | None
    expires_at: Timestamp | None


class Keys(View):
    """Every key."""

    keys: list[KeyView]


class KeyDeleted(View):
    """The deleted key."""

    key_id: str
