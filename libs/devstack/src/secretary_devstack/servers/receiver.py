"""A webhook receiver that records requests and verifies their signatures.

The receiver implements the Standard Webhooks specification without code of the notifier, so that it
does not repeat a mistake of the notifier.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from secretary_devstack.deadline import wait_until
from secretary_devstack.servers.http_server import HttpServer

TOLERANCE_SEC = 300.0
MAX_BODY_BYTES = 64 * 1024 * 1024


def signature_fault(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: float
) -> str | None:
    """Return the reason why a request's signature is invalid; None if the signature is valid.

    *secret* is ``whsec_…``, *now* is a Unix time, and *headers* have lower-case names.
    """
    try:
        identity, moment = headers["webhook-id"], headers["webhook-timestamp"]
        signatures = headers["webhook-signature"].split()
    except KeyError as error:
        return f"no {error.args[0]}"
    if not moment.isdigit() or abs(now - int(moment)) > TOLERANCE_SEC:
        return "the timestamp is too far from now"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{identity}.{moment}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    matches = [hmac.compare_digest(f"v1,{digest}", one) for one in signatures]
    return None if any(matches) else "no signature matches"


@dataclass(frozen=True)
class Received:
    """One request that the receiver got."""

    method: str
    path: str
    headers: Mapping[str, str]
    """The headers by their lower-case names."""
    body: bytes
    at: float
    """The time at which the request arrived, as a Unix time in seconds."""
    status: int
    """The status of the answer; 0 if the connection was reset."""

    @property
    def json(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    def signature_fault(self, secret: str) -> str | None:
        """Return the reason why the request's signature is invalid; None if it is valid.

        *secret* is the secret with which the notifier should have signed the request.
        """
        return signature_fault(secret, self.headers, self.body, now=self.at)


@dataclass(frozen=True)
class ReceiverAnswer:
    """An answer of the receiver to a request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_sec: float = 0.0
    reset: bool = False
    """Reset the connection instead of answering."""


class Receiver(HttpServer):
    """A webhook receiver in a thread of its own."""

    def __init__(self, *, answer: ReceiverAnswer | None = None) -> None:
        """*answer* is the answer to requests without an answer of ``answer_next``; default: 200."""
        super().__init__(self._app, name="receiver")
        self.answer = answer or ReceiverAnswer()
        self._next: deque[ReceiverAnswer] = deque()
        self._requests: list[Received] = []

    def url(self, path: str = "/hook") -> str:
        """Return the URL of *path* on this server."""
        return super().url(path)

    @property
    def requests(self) -> list[Received]:
        """All requests so far, in the order of their arrival."""
        return list(self._requests)

    def answer_next(self, answers: Iterable[ReceiverAnswer | int]) -> None:
        """Use these answers for the next requests, in order. A number is a status."""
        self._next.extend(ReceiverAnswer(a) if isinstance(a, int) else a for a in answers)

    def wait_for(
        self, enough: Callable[[list[Received]], bool], *, timeout_sec: float, what: str
    ) -> list[Received]:
        """Wait until *enough* returns true for the list of all requests. Return this list.

        Raises:
            NotInTime: *enough* did not return true within *timeout_sec*; the message names *what*.
        """
        wait_until(lambda: enough(self.requests), timeout_sec=timeout_sec, what=what)
        return self.requests

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        body, at = await request.read(), time.time()
        answer = self._next.popleft() if self._next else self.answer
        headers = {name.lower(): value for name, value in request.headers.items()}
        status = 0 if answer.reset else answer.status
        self._requests.append(Received(request.method, request.path_qs, headers, body, at, status))
        if answer.delay_sec:
            await asyncio.sleep(answer.delay_sec)
        if answer.reset and request.transport:
            request.transport.abort()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
