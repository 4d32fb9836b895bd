"""One POST to a receiver: signed, guarded, under one deadline; the answer's beginning is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from secretary_common.http.egress import GuardedSession, Peer
from secretary_common.models import Delivery
from secretary_common.observing import tracing
from secretary_common.observing.trace_context import TRACEPARENT
from secretary_common.secrets.cipher import Cipher
from secretary_notifier.sending.failure import FAILURES, described, is_unresolved, shortage_in
from secretary_notifier.sending.name_service import NameService
from secretary_notifier.sending.redaction import redacted
from secretary_notifier.sending.signing import signed_headers
from secretary_notifier.verdict import SHORTAGE, UPGRADE, Answer

USER_AGENT = "Secretary-Webhooks/1"
LONGEST_ANSWER_BYTES = 64 * 1024
"""The most that is read of an answer; the connection of a longer answer is closed."""
KEPT_BYTES = 4 * 1024
"""The part of an answer that the list of attempts keeps."""
LONGEST_ERROR = 300


@dataclass
class _Progress:
    """The state of an attempt: enough for an answer whenever the deadline ends the attempt."""

    peer: Peer = field(default_factory=Peer)
    response: aiohttp.ClientResponse | None = None
    body: bytes = b""
    secrets: list[str] = field(default_factory=list)
    """The secrets in the request: they are removed from the answer if the receiver repeats them."""


class Sender:
    """Sends deliveries through a guarded client."""

    def __init__(
        self,
        session: GuardedSession,
        cipher: Cipher,
        *,
        names: NameService | None = None,
        signing_secrets: Iterable[str] = (),
    ) -> None:
        """Prepare to send.

        Args:
            session: from ``egress.guarded_session``.
            cipher: opens tokens and secrets.
            names: the name service that the guard of *session* asks.
            signing_secrets: the service's, for webhooks without a secret of their own.
        """
        self._session = session
        self._cipher = cipher
        self._names = names or NameService()
        self._signing_secrets = tuple(signing_secrets)

    async def send(self, delivery: Delivery, at: datetime, timeout_sec: float) -> Answer:
        """POST *delivery* at the time *at*; a failure of any kind is reported in the answer.

        *timeout_sec* is one deadline for everything: name look-up, connection, headers and body.
        """
        started = time.monotonic()
        progress = _Progress()
        error = None
        try:
            async with asyncio.timeout(timeout_sec):
                await self._post(delivery, at, progress)
        except TimeoutError:
            error = f"timeout: no complete answer within {timeout_sec:.4g} s"
            if await self._lacks_names(delivery, None):
                error = f"{SHORTAGE}: the name service does not answer"
        except FAILURES as failure:
            error = described(failure)
            if shortage := shortage_in(failure):
                error = f"{SHORTAGE}: {shortage}"
            elif await self._lacks_names(delivery, failure):
                error = f"{SHORTAGE}: the name service fails for other names too"
        return _answer(at, progress, error, round((time.monotonic() - started) * 1000))

    async def _lacks_names(self, delivery: Delivery, failure: Exception | None) -> bool:
        """Return whether the attempt failed because no name at all can be resolved."""
        host = urlsplit(delivery.url).hostname or ""
        was_cut = failure is None and self._names.was_cut(host)
        return (was_cut or is_unresolved(failure)) and await self._names.is_down_for(host)

    async def _post(self, delivery: Delivery, at: datetime, progress: _Progress) -> None:
        headers = self._headers(delivery, at, progress)
        response = await self._session.post(delivery.url, delivery.body, headers, progress.peer)
        progress.response = response
        try:
            while len(progress.body) < LONGEST_ANSWER_BYTES:
                chunk = await response.content.readany()
                if not chunk:
                    response.release()  # read to its end: the connection can be used again
                    break
                progress.body += chunk
        finally:
            response.close()

    def _headers(self, delivery: Delivery, at: datetime, progress: _Progress) -> dict[str, str]:
        secrets: Iterable[str] = self._signing_secrets
        if delivery.secret is not None:
            sealed = [delivery.secret, delivery.older_secret]
            own_secrets = [self._cipher.open(one) for one in sealed if one is not None]
            secrets = [*own_secrets, *(self._signing_secrets if delivery.service_signs else ())]
        progress.secrets += secrets
        own = {name: self._cipher.open(value) for name, value in (delivery.headers or {}).items()}
        progress.secrets += own.values()
        headers = {
            **traced_header(),
            **own,
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            # No decompression, so no decompression bombs.
            "Accept-Encoding": "identity",
            **signed_headers(delivery.delivery_id, at, delivery.body, secrets),
        }
        if delivery.token is not None:
            token = self._cipher.open(delivery.token)
            progress.secrets.append(token)
            headers |= {"Authorization": f"Bearer {token}", "X-Callback-Token": token}
        return headers


def traced_header() -> dict[str, str]:
    """Return the header by which the receiver can continue the trace; none without a trace."""
    header = tracing.current_header()
    return {TRACEPARENT: header} if header else {}


def _answer(at: datetime, progress: _Progress, error: str | None, duration_ms: int) -> Answer:
    response = progress.response
    if error is None and response and response.status == HTTPStatus.SWITCHING_PROTOCOLS:
        error = f"{UPGRADE}: 101 Switching Protocols, which the request did not ask for"
    return Answer(
        at=at,
        duration_ms=duration_ms,
        status_code=response.status if response else progress.peer.status,
        retry_after=response.headers.get("Retry-After") if response else None,
        address=progress.peer.address,
        error=_kept(error.encode(errors="replace"), LONGEST_ERROR, progress) if error else None,
        response=_kept(progress.body, KEPT_BYTES, progress) if response else None,
    )


def _kept(text: bytes, length: int, progress: _Progress) -> str:
    """Return the beginning of *text* without secrets, which a receiver may have echoed.

    Errors go this way too, because aiohttp quotes answers that are not HTTP.
    """
    return redacted(text[:length], progress.secrets)[:length].decode(errors="replace")
