"""The dashboard's sessions: a signed cookie that names an API key, made when the key signs in.

The API stores no session. The signature covers the digest of the key, so a session ends with its
key: when the key is deleted, when it expires, and when the bootstrap key is replaced.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from secretary_api.access.keyring import Keyring
from secretary_api.access.principal import Principal
from secretary_common.errors import Forbidden, Unauthorized
from secretary_common.runtime.clock import Clock

COOKIE = "secretary_session"
CSRF_HEADER = "X-CSRF-Token"
LIFETIME = timedelta(hours=12)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PARTS = 3
"""A session's claim has the id of the key, the end of the session, and a random part."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that has just begun."""

    cookie: str
    expires_at: datetime


class Sessions:
    """Begins sessions, and finds the principal of a cookie."""

    def __init__(self, keyring: Keyring, clock: Clock, *, pepper: str) -> None:
        self._keyring = keyring
        self._clock = clock
        self._secret = hmac.digest(pepper.encode(), b"sessions of the dashboard", "sha256")

    async def begin(self, principal: Principal) -> Session:
        """Return a new session of *principal*.

        Raises:
            Unauthorized: the key was deleted a moment ago.
            StoreUnavailable: MongoDB did not answer.
        """
        expires_at = (self._clock.now() + LIFETIME).replace(microsecond=0)
        until = int(expires_at.timestamp())
        claim = f"{principal.key_id}.{until}.{secrets.token_urlsafe(16)}"
        _, digest = await self._keyring.holder(principal.key_id)
        return Session(f"{claim}.{self._signature(claim, digest)}", expires_at)

    async def principal(self, cookie: str, method: str, csrf_token: str | None) -> Principal:
        """Return the principal of a request with *cookie*.

        Args:
            cookie: the value of the cookie ``COOKIE``.
            method: the request's method; all but reading ones need *csrf_token*.
            csrf_token: the value of the header ``CSRF_HEADER``.

        Raises:
            Unauthorized: the session is not valid, has expired, or has lost its key.
            Forbidden: the request would change something and has no valid token.
            StoreUnavailable: MongoDB did not answer.
        """
        claim, _, signature = cookie.rpartition(".")
        key_id, until = _read(claim)
        principal, digest = await self._keyring.holder(key_id)
        if not _same(signature, self._signature(claim, digest)) or until <= self._clock.now():
            raise Unauthorized
        if method not in _SAFE_METHODS and not _same(csrf_token or "", self.csrf_token(cookie)):
            raise Forbidden(f"the request has no valid {CSRF_HEADER}: reload the dashboard")
        return principal

    def csrf_token(self, cookie: str) -> str:
        """Return the token that requests of this session need to change something."""
        return hmac.digest(self._secret, b"csrf:" + cookie.encode(), "sha256").hex()

    def _signature(self, claim: str, digest: str) -> str:
        signed = f"session:{claim}:{digest}"
        return hmac.digest(self._secret, signed.encode(), "sha256").hex()


def expiry_of(cookie: str) -> datetime:
    """Return the time at which the session of *cookie* ends.

    Raises:
        Unauthorized: *cookie* has not the form of a session.
    """
    return _read(cookie.rpartition(".")[0])[1]


def _read(claim: str) -> tuple[str, datetime]:
    """Return the key's id and the end of a session.

    Raises:
        Unauthorized: *claim* has another form.
    """
    parts = claim.split(".")
    if len(parts) != _PARTS or not (parts[1].isascii() and parts[1].isdigit()):
        raise Unauthorized
    try:
        return parts[0], datetime.fromtimestamp(int(parts[1][:12]), UTC)
    except (ValueError, OverflowError, OSError):
        raise Unauthorized from None


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
