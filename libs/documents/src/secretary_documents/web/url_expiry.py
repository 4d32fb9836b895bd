"""The time until which a signed URL is valid, as its own query says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

_STAMP = "%Y%m%dT%H%M%SZ"
_LONGEST_SEC = 10**9


def expiry_of(url: str) -> datetime | None:
    """Return the time until which *url* is valid; None if it names no such time.

    Reads the URLs of Amazon and compatible stores, of Google, and of Azure.
    """
    query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    try:
        for vendor in ("amz", "goog"):
            if made := query.get(f"x-{vendor}-date"):
                seconds = min(int(query.get(f"x-{vendor}-expires", "")), _LONGEST_SEC)
                signed_at = datetime.strptime(made, _STAMP).replace(tzinfo=UTC)
                return signed_at + timedelta(seconds=seconds)
        if "signature" in query:  # the older form of Amazon and of CloudFront
            return datetime.fromtimestamp(int(query.get("expires", "")), UTC)
        if "sig" in query:
            return datetime.fromisoformat(query.get("se", "")).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
