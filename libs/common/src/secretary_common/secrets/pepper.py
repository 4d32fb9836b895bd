"""The mark of a pepper: it tells peppers apart, and does not show them."""

from __future__ import annotations

import hmac

_PURPOSE = b"which pepper made this key"
_DIGITS = 16


def pepper_mark(pepper: str) -> str:
    """Return the mark of *pepper*, 16 hexadecimal digits."""
    return hmac.digest(pepper.encode(), _PURPOSE, "sha256").hex()[:_DIGITS]
