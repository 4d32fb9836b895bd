"""Secrets for the signatures of webhooks, as Standard Webhooks has them."""

from __future__ import annotations

import base64
import secrets

SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret: ``whsec_`` and base64 of 32 bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
