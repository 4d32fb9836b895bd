"""Sends webhooks to the local server until it accepts them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from secretary_client.event import FeedEvent
from secretary_client.listen.body import headers_of

IN_FLIGHT = 4
FIRST_WAIT_SEC, LONGEST_WAIT_SEC = 0.5, 5.0
TIMEOUT_SEC = 15.0
LONGEST_ANSWER_BYTES = 64 * 1024
MOST_ANSWERS = 10
"""After so many answers that are not 2xx, an event is given up, as the notifier does in days."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt to send an event."""

    event: FeedEvent
    status: int | None
    """None: the local server did not answer."""
    error: str | None
    is_over: bool
    """Whether there is no further attempt."""


class Sender:
    """Sends signed webhooks to one URL, several at the same time."""

    def __init__(
        self,
        target: str,
        secret: str,
        report: Callable[[Outcome], object],
        *,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        """Prepare.

        Args:
            target: the URL of the local server.
            secret: signs the webhooks.
            report: called with the outcome of each attempt.
            sleep: waits some seconds; for tests.
        """
        self._target = target
        self._secret = secret
        self._report = report
        self._sleep = sleep
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SEC, trust_env=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, event: FeedEvent, body: bytes) -> None:
        """Send *body*, the webhook about *event*, until it is accepted or given up."""
        wait, answers = FIRST_WAIT_SEC, 0
        while True:
            status, error = await self._post(event, body)
            answers += status is not None
            is_received = status is not None and httpx.codes.is_success(status)
            is_over = is_received or answers >= MOST_ANSWERS
            self._report(Outcome(event, status, error, is_over))
            if is_over:
                return
            await self._sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SEC)

    async def _post(self, event: FeedEvent, body: bytes) -> tuple[int | None, str | None]:
        headers = headers_of(event, body, self._secret, datetime.now(UTC))
        post = self._http.stream("POST", self._target, content=body, headers=headers)
        async with self._slots:
            try:
                async with post as answer:
                    await _drained(answer)
                    return answer.status_code, None
            except httpx.TransportError as error:
                return None, f"{type(error).__name__}: {error}"


async def _drained(answer: httpx.Response) -> None:
    """Read *answer*, so that its connection can be used again. Only its status counts."""
    read = 0
    with suppress(httpx.TransportError):
        async for piece in answer.aiter_raw():
            read += len(piece)
            if read > LONGEST_ANSWER_BYTES:
                return
