"""A small client of the HTTP API for the demo, the tests and the benches."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx

from secretary_common.models.states import TERMINAL
from secretary_devstack.deadline import wait_until

TIMEOUT_SEC = 15.0
POLL_SEC = 0.1

JsonObject = dict[str, Any]


class JobClient:
    """A client of one API, with one API key."""

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_SEC
        )

    def submit(self, job_type: str, parameters: JsonObject, **fields: Any) -> str:
        """Submit a job and return its id. *fields* are further fields of the request.

        Raises:
            httpx.HTTPStatusError: the API refused the job.
        """
        body = {"job_type": job_type, "parameters": parameters, **fields}
        job_id: str = self._data(self.http.post("/api/jobs/", json=body))["job_id"]
        return job_id

    def job(self, job_id: str) -> JsonObject:
        """Return the job as the API shows it now.

        Raises:
            httpx.HTTPStatusError: the API does not show the job.
        """
        return self._data(self.http.get(f"/api/jobs/{job_id}"))

    def wait(
        self,
        job_id: str,
        *,
        timeout_sec: float,
        until: Callable[[JsonObject], bool] | None = None,
        on_poll: Callable[[JsonObject], None] | None = None,
    ) -> JsonObject:
        """Poll the job until it is finished, or until *until* returns true; return the job.

        *on_poll* and *until* are called with the job after each poll.

        Raises:
            NotInTime: the job was not finished, or *until* not true, within *timeout_sec*.
        """

        def poll() -> JsonObject | None:
            job = self.job(job_id)
            if on_poll:
                on_poll(job)
            return job if (until or is_finished)(job) else None

        return wait_until(poll, timeout_sec=timeout_sec, what=job_id, every_sec=POLL_SEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()

    @staticmethod
    def _data(response: httpx.Response) -> JsonObject:
        if response.is_error:
            reason = f"{response.status_code}: {response.text}"
            raise httpx.HTTPStatusError(reason, request=response.request, response=response)
        data: JsonObject = response.json()["data"]
        return data


def is_finished(job: JsonObject) -> bool:
    """Return whether the job is in a terminal state."""
    return job["status"] in TERMINAL
