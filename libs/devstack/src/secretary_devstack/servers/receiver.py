"""A webhook receiver that remembers what came, and checks signatures with its own few lines.

It verifies Standard Webhooks by the letter of the specification and shares no code with the
notifier: a mistake there is not repeated here.
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
from secretary_devstack.servers.site import Site

TOLERANCE_SEC = 300.0
MAX_BODY_BYTES = 64 * 1024 * 1024


def signature_fault(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: float
) -> str | None:
    """Why a request does not verify under *secret* (``whsec_…``) at Unix time *now*; None: it does.

    *headers* have lower-case names.
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
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """With lower-case names."""
    body: bytes
    at: float
    """Unix time of its arrival, in seconds."""
    status: int
    """What it was answered; 0: the connection was reset."""

    @property
    def json(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    def signature_fault(self, secret: str) -> str | None:
        """Why it does not verify under *secret*; None: it does."""
        return signature_fault(secret, self.headers, self.body, now=self.at)


@dataclass(frozen=True)
class Answer:
    """How a request is to be answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_sec: float = 0.0
    reset: bool = False
    """Hang up in place of an answer."""


class Receiver(Site):
    """An HTTP server in a thread of its own; the same from tests with and without an event loop."""

    def __init__(self, *, answer: Answer | None = None) -> None:
        """*answer* is for every request that ``answer_next`` named none for; by default 200."""
        super().__init__(self._app, name="receiver")
        self.answer = answer or Answer()
        self._next: deque[Answer] = deque()
        self._requests: list[Received] = []

    def url(self, path: str = "/hook") -> str:
        """The URL of *path* here."""
        return super().url(path)

    @property
    def requests(self) -> list[Received]:
        """All requests so far, in the order of their arrival."""
        return list(self._requests)

    def answer_next(self, answers: Iterable[Answer | int]) -> None:
        """Answer the coming requests so, one after the other; a number is a bare status."""
        self._next.extend(Answer(a) if isinstance(a, int) else a for a in answers)

    def wait_for(
        self, enough: Callable[[list[Received]], bool], *, timeout_sec: float, what: str
    ) -> list[Received]:
        """All requests, as soon as they are *enough*.

        Raises:
            NotInTime: they were not within *timeout_sec*.
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
