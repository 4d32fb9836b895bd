"""Verification of received webhooks.

Source: https://www.standardwebhooks.com, "signature scheme".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from secretary_client.error import InvalidWebhook

TOLERANCE_SEC = 300.0
_ID, _TIMESTAMP, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_DIGITS = 19
"""No time in seconds has more digits, and Python refuses to read very long numbers."""


def verify_webhook(
    secret: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes | str,
    *,
    now: float | None = None,
) -> dict[str, Any]:
    """Return the event in a webhook if Secretary sent it; verify before you use anything of it.

    Args:
        secret: ``whsec_…``; or several of them, of which one must match.
        headers: the headers of the request; upper and lower case do not matter.
        body: the received bytes, unchanged.
        now: the time as a Unix time in seconds; default: the time of this machine.

    Raises:
        InvalidWebhook: the signature does not match, a header is missing, or the timestamp differs
            by more than five minutes from *now*.
        ValueError: *secret* is empty, or not ``whsec_`` and base64.
    """
    given = {name.lower(): value for name, value in headers.items()}
    content = body.encode(errors="replace") if isinstance(body, str) else body
    try:
        identity, timestamp, signatures = given[_ID], given[_TIMESTAMP], given[_SIGNATURE]
    except KeyError as error:
        raise InvalidWebhook(f"the header {error.args[0]} is missing") from None
    sent_at = int(timestamp) if timestamp.isdecimal() and len(timestamp) <= _DIGITS else 0
    if abs((time.time() if now is None else now) - sent_at) > TOLERANCE_SEC:
        raise InvalidWebhook(f"the timestamp {timestamp!r} is too far from now")
    # Some servers decode a header that is no UTF-8 to surrogates, which no signed header has.
    signed = f"{identity}.{timestamp}.".encode(errors="replace") + content
    known = [secret] if isinstance(secret, str) else secret
    expected = [signature_of(one, signed).encode() for one in known]
    found = signatures.encode(errors="replace").split()
    if not any(hmac.compare_digest(one, other) for one in expected for other in found):
        raise InvalidWebhook("no signature matches")
    event: dict[str, Any] = json.loads(content)
    return event


def signature_of(secret: str, signed: bytes) -> str:
    """Return the signature of the bytes *signed*: ``v1,`` and base64 of HMAC-SHA256.

    Raises:
        ValueError: *secret* is not ``whsec_`` and base64. An empty one is refused, because
            everybody can sign with it.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError("the secret is not whsec_ and base64")
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
