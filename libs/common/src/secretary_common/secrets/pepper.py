"""The mark of a pepper: each pepper has another mark, and a mark does not show its pepper."""

from __future__ import annotations

import hmac

_PURPOSE = b"which pepper made this key"
_DIGITS = 16


def pepper_mark(pepper: str) -> str:
    """Return the mark of *pepper*, 16 hexadecimal digits."""
    return hmac.digest(pepper.encode(), _PURPOSE, "sha256").hex()[:_DIGITS]
