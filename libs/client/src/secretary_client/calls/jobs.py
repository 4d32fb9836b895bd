"""Calls on jobs."""

from __future__ import annotations

import uuid
from typing import Any, Unpack

from secretary_client.calls.streams import StreamCalls
from secretary_client.core.call import D, returns, yields
from secretary_client.core.effect import Flow, Items
from secretary_client.core.fields import given, on_wire, path
from secretary_client.error import JobFailed, JobNotEnded
from secretary_client.event import TERMINAL
from secretary_client.models import (
    Attempts,
    FilteredJobs,
    Job,
    JobFields,
    JobFilter,
    JobSummary,
    LogEntry,
    SelectedJobs,
)
from secretary_client.paths import JOBS

COMPLETED = "completed"


class JobCalls(StreamCalls[D]):
    """Submit jobs, wait for them, fetch their results, act on them."""

    @returns
    def submit(
        self,
        job_type: str,
        parameters: dict[str, Any],
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[JobFields],
    ) -> Flow[Job]:
        """Submit a job once, even if the request is repeated; return the job.

        Args:
            job_type: e.g. ``pdf``.
            parameters: the parameters of the job.
            idempotency_key: submissions with the same key make one job, even from several
                processes; default: a new key.
            fields: ``priority``, ``run_at`` (an aware datetime, or an ISO 8601 text),
                ``delay_sec``, ``max_attempts``, ``timeout_sec`` (of an attempt), ``tags``,
                ``job_name``, ``user_id``, ``target`` (a place of a store for the results).

        Raises:
            ApiError: the API refused the job.
            Unreachable: there was no answer; the job may have been accepted.
            ValueError: ``run_at`` is a datetime without a time zone.
        """
        return self._submitted(job_type, parameters, idempotency_key, fields)

    @returns
    def run(
        self,
        job_type: str,
        parameters: dict[str, Any],
        *,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[JobFields],
    ) -> Flow[dict[str, Any]]:
        """Submit a job, wait for its end, and return its results.

        Args:
            job_type: as for ``submit``.
            parameters: as for ``submit``.
            timeout: how long to wait for the end, in seconds; None: for ever.
            idempotency_key: as for ``submit``.
            fields: as for ``submit``.

        Raises:
            JobFailed: the job did not complete.
            WaitTimeout: the job has not ended in time; the job goes on.
        """
        submitted = yield from self._submitted(job_type, parameters, idempotency_key, fields)
        job = yield from self._ended(submitted["job_id"], timeout)
        if job["status"] != COMPLETED:
            raise JobFailed(job)
        return (yield from self._results(job["job_id"]))

    @returns
    def job(self, job_id: str) -> Flow[Job]:
        """Return a job as it is now."""
        return self._shown(job_id)

    @returns
    def results(self, job_id: str) -> Flow[dict[str, Any]]:
        """Return the results of a completed job, of any size.

        Raises:
            JobFailed: the job has failed or was cancelled.
            JobNotEnded: the job is waiting or running.
        """
        return self._results(job_id)

    @yields
    def jobs(self, **wanted: Unpack[JobFilter]) -> Items[JobSummary]:
        """Yield jobs, newest first.

        Args:
            wanted: ``status``, ``job_type``, ``batch_id``, ``tag``, ``user_id``,
                ``id_contains``, ``created_after``, ``created_before``; None: any.
        """
        return self._requests.pages(f"{JOBS}/", "jobs", "cursor", given(**wanted))

    @yields
    def logs(
        self, job_id: str, *, level: str = "debug", after: str | None = None
    ) -> Items[LogEntry]:
        """Yield the log of a job so far, oldest first.

        Args:
            job_id: the id of the job.
            level: this level and those above it.
            after: ``attempt:seq`` of an entry: the first entry is the one after it.
        """
        return self._requests.pages(
            path(JOBS, job_id, "logs"), "logs", "after", {"level": level}, after
        )

    @returns
    def attempts(self, job_id: str) -> Flow[Attempts]:
        """Return each attempt of a job: its worker, its times, its outcome."""
        return self._requests.data("GET", path(JOBS, job_id, "attempts"))

    @returns
    def cancel(self, job_id: str) -> Flow[JobSummary]:
        """Cancel a job; a running job stops within seconds."""
        return self._moved(job_id, "cancel")

    @returns
    def retry(self, job_id: str) -> Flow[JobSummary]:
        """Start a new run of a job that has ended."""
        return self._moved(job_id, "retry")

    @returns
    def delete(self, job_id: str) -> Flow[None]:
        """Delete a job that is not running."""
        yield from self._requests.data("DELETE", path(JOBS, job_id))

    @returns
    def cancel_all(self, **selected: Unpack[SelectedJobs]) -> Flow[FilteredJobs]:
        """Cancel the pending and running jobs that a filter selects, at most ``limit``.

        Args:
            selected: at least one filter of ``jobs``; ``limit`` (1,000), and ``cursor``: ``next``
                of the call before.
        """
        return self._moved_all("cancel", selected)

    @returns
    def retry_all(self, **selected: Unpack[SelectedJobs]) -> Flow[FilteredJobs]:
        """Start new runs of the jobs that a filter selects; without a ``status``, of failed jobs.

        Args:
            selected: as for ``cancel_all``.
        """
        return self._moved_all("retry", selected)

    @returns
    def delete_all(self, **selected: Unpack[SelectedJobs]) -> Flow[FilteredJobs]:
        """Delete the jobs that a filter selects; running jobs stay.

        Args:
            selected: as for ``cancel_all``.
        """
        return self._moved_all("delete", selected)

    def _submitted(
        self,
        job_type: str,
        parameters: dict[str, Any],
        idempotency_key: str | None,
        fields: JobFields,
    ) -> Flow[Job]:
        body = {"job_type": job_type, "parameters": parameters, **on_wire(fields)}
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        submitted = yield from self._requests.data("POST", f"{JOBS}/", json=body, headers=headers)
        job: Job = submitted["job"]
        return job

    def _results(self, job_id: str) -> Flow[dict[str, Any]]:
        found = yield from self._requests.data("GET", path(JOBS, job_id, "results"))
        status: str = found["status"]
        if status in TERMINAL and status != COMPLETED:
            raise JobFailed((yield from self._shown(job_id)))
        if status != COMPLETED:
            raise JobNotEnded(job_id, status)
        results: dict[str, Any] = found["results"] or {}
        return results

    def _moved(self, job_id: str, action: str) -> Flow[JobSummary]:
        found = yield from self._requests.data("POST", path(JOBS, job_id, action))
        job: JobSummary = found["job"]
        return job

    def _moved_all(self, action: str, selected: SelectedJobs) -> Flow[FilteredJobs]:
        filters = given(**selected)
        page = {name: filters.pop(name) for name in ("limit", "cursor") if name in filters}
        return self._requests.data("POST", f"{JOBS}/{action}", json={"filter": filters, **page})
