"""A client that submits jobs until it is stopped, as a client of an unsteady service should."""

from __future__ import annotations

import threading
import time
import uuid
from types import TracebackType
from typing import Any, Self

import httpx
from compose.usage import NATIVE, SAMPLE, SLOW_URL

from secretary_devstack.processes.job_client import JobClient

PAUSE_SEC = 1.0
RETRY_SEC = 2.0
HOOK = "http://receiver:8080/load"
QUICK = {"filename": SAMPLE, **NATIVE}
# Long enough to be running when something is killed.
SLOW = {"url": SLOW_URL, **NATIVE}
SLOW_EVERY = 4


class Load:
    """Submits a job, waits a little, and so on, in a thread. Use it as a context manager.

    A request that is not answered is repeated with the same idempotency key until it is accepted.
    """

    def __init__(self, url: str, key: str) -> None:
        """*url* is the API's address, *key* an API key."""
        self.accepted: list[str] = []
        """The ids of the accepted jobs, in order."""
        self.refusals = 0
        """How many requests were not accepted."""
        self._client = JobClient(url, key)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._client.http.close()

    def stop(self) -> None:
        """Submit no further job; return when the last request is answered."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopped.is_set():
            number += 1
            self._submit(QUICK if number % SLOW_EVERY else SLOW)
            self._stopped.wait(PAUSE_SEC)

    def _submit(self, parameters: dict[str, Any]) -> None:
        body = {"job_type": "pdf", "parameters": {**parameters, "webhook": {"url": HOOK}}}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        while True:  # also after the stop: what may have been accepted belongs to the ledger
            try:
                answer = self._client.http.post("/api/jobs/", json=body, headers=headers)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                self.accepted.append(answer.json()["data"]["job_id"])
                return
            self.refusals += 1
            time.sleep(RETRY_SEC)
