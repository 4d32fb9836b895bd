"""All calls of the API together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from secretary_client.calls.files import FileCalls
from secretary_client.calls.jobs import JobCalls
from secretary_client.calls.system import SystemCalls
from secretary_client.calls.webhooks import WebhookCalls
from secretary_client.core.call import D, returns
from secretary_client.core.connection import full_url
from secretary_client.core.effect import Flow
from secretary_client.core.repetition import Repetition, Retry
from secretary_client.core.requests import Requests


class AllCalls(JobCalls[D], FileCalls[D], WebhookCalls[D], SystemCalls[D]):
    """Every call of the API, for both clients: they differ in their driver."""

    def __init__(
        self, url: str, driver: D, retry_sec: float, on_retry: Callable[[Retry], object] | None
    ) -> None:
        """Prepare; *driver* sends the requests, and the other arguments are those of ``Client``."""
        repetition = Repetition(full_url(url), driver.clock, retry_sec, on_retry)
        super().__init__(Requests(repetition), driver)

    @returns
    def call(self, /, method: str, path: str, **options: Any) -> Flow[Any]:
        """Make any call of the API and return its data; *options* are the options of httpx.

        If an answer is lost, the client repeats the request. So a POST may take effect twice.

        Raises:
            ApiError: the answer is an error.
            Unreachable: there was no answer.
        """
        return self._requests.data(method, path, **options)
