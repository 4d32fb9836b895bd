"""Signatures of Standard Webhooks, version 1.

Source: https://www.standardwebhooks.com, "signature scheme".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime


def signed_headers(
    delivery_id: str, at: datetime, body: bytes, secrets: Iterable[str]
) -> dict[str, str]:
    """Return the headers by which a receiver verifies *body*: id, time and signatures.

    Args:
        delivery_id: the same for every attempt.
        at: the time of this attempt.
        body: the bytes as sent.
        secrets: each ``whsec_`` + base64; during a rotation there are several, and each gives a
            signature. Without secrets there is no signature header.
    """
    timestamp = str(int(at.timestamp()))
    headers = {"webhook-id": delivery_id, "webhook-timestamp": timestamp}
    content = f"{delivery_id}.{timestamp}.".encode() + body
    if signatures := " ".join(_signature(secret, content) for secret in secrets):
        headers["webhook-signature"] = signatures
    return headers


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"
