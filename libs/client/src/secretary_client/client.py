"""The client of the API."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from secretary_client.endpoints import Endpoints
from secretary_client.error import JobFailed, JobNotEnded, JsonObject, WaitTimeout
from secretary_client.event import TERMINAL, Event, events_in, lines_of
from secretary_client.transport import ClientClock, Deadline, Transport, iso

RETRY_SEC = 60.0
RECONNECT_SEC = 2.0
JOBS = "/api/jobs"
COMPLETED = "completed"


class Client:
    """Calls one Secretary with one API key. If the API is unavailable, a call is repeated."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        retry_sec: float = RETRY_SEC,
        transport: httpx.BaseTransport | None = None,
        clock: ClientClock | None = None,
    ) -> None:
        """Make a client; this sends no request.

        Args:
            url: the URL of the API, e.g. ``http://localhost:5001``.
            key: an API key.
            retry_sec: how long a call is repeated while the API does not answer, in seconds; the
                last attempt may take another 30 s.
            transport: replaces the connection to the API; for tests.
            clock: replaces the clock; for tests.
        """
        self._clock = clock or ClientClock()
        self._transport = Transport(
            url, key, retry_sec=retry_sec, transport=transport, clock=self._clock
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Make any call of the API and return its data; *options* are the options of httpx.

        If an answer is lost, the client repeats the request. So a POST may take effect twice.

        Raises:
            ApiError: the answer is an error.
            Unreachable: there was no answer.
        """
        return self._transport.data(method, path, **options)

    def submit(
        self,
        job_type: str,
        parameters: JsonObject,
        *,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> JsonObject:
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
        if isinstance(fields.get("run_at"), datetime):
            fields["run_at"] = iso("run_at", fields["run_at"])
        body = {"job_type": job_type, "parameters": parameters, **fields}
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        submitted = self.call("POST", f"{JOBS}/", json=body, headers=headers)
        job: JsonObject = submitted["job"]
        return job

    def run(
        self,
        job_type: str,
        parameters: JsonObject,
        *,
        timeout: float | None = None,
        **fields: Any,
    ) -> JsonObject:
        """Submit a job, wait for its end, and return its results.

        Args:
            job_type: as for ``submit``.
            parameters: as for ``submit``.
            timeout: how long to wait for the end, in seconds; None: for ever.
            fields: as for ``submit``.

        Raises:
            JobFailed: the job did not complete.
            WaitTimeout: the job has not ended in time; the job goes on.
        """
        job_id: str = self.submit(job_type, parameters, **fields)["job_id"]
        job = self.wait(job_id, timeout=timeout)
        if job["status"] != COMPLETED:
            raise JobFailed(job)
        return self.results(job_id)

    def job(self, job_id: str) -> JsonObject:
        """Return a job as it is now."""
        found: JsonObject = self.call("GET", path_of(job_id))
        return found

    def wait(self, job_id: str, *, timeout: float | None = None) -> JsonObject:
        """Wait until the job has ended, and return it.

        Args:
            job_id: the id of the job.
            timeout: how long to wait, in seconds; None: for ever.

        Raises:
            WaitTimeout: the job has not ended in time; the job goes on.
        """
        for _ in self.follow(job_id, timeout=timeout):
            pass
        return self.job(job_id)

    def follow(self, job_id: str, *, timeout: float | None = None) -> Iterator[Event]:
        """Yield the state of a job, then its changes to the end, across broken connections.

        Args:
            job_id: the id of the job.
            timeout: how long to follow, in seconds; None: to the end.

        Raises:
            WaitTimeout: the job has not ended in time; the job goes on.
        """
        deadline = Deadline(self._clock, timeout)
        last: Event | None = None
        while last is None or not last.is_last:
            read_sec = deadline.read_sec
            stream, chunks = self._stream_of(job_id, last, read_sec, deadline.left_sec)
            with stream, suppress(httpx.TransportError):  # the connection broke
                for event in events_in(lines_of(deadline.until(read_sec, chunks))):
                    last = event
                    yield event
            if last is None or not last.is_last:
                if timeout is not None and not deadline.left_sec:
                    raise WaitTimeout(job_id, timeout)
                if not deadline.is_before_read(read_sec):
                    self._clock.sleep(min(RECONNECT_SEC, deadline.left_sec))

    def results(self, job_id: str) -> JsonObject:
        """Return the results of a completed job, of any size.

        Raises:
            JobFailed: the job has failed or was cancelled.
            JobNotEnded: the job is waiting or running.
        """
        found = self.call("GET", f"{path_of(job_id)}/results")
        status: str = found["status"]
        if status in TERMINAL and status != COMPLETED:
            raise JobFailed(self.job(job_id))
        if status != COMPLETED:
            raise JobNotEnded(job_id, status)
        results: JsonObject = found["results"] or {}
        return results

    def logs(self, job_id: str, *, level: str = "debug") -> Iterator[JsonObject]:
        """Yield the log of a job so far, oldest first."""
        return self._pages(f"{path_of(job_id)}/logs", "logs", "after", level=level)

    def jobs(self, **wanted: Any) -> Iterator[JsonObject]:
        """Yield jobs, newest first; *wanted*: filters of the API (``status``, ``tag`` …)."""
        return self._pages(f"{JOBS}/", "jobs", "cursor", **wanted)

    def download(self, job_id: str, name: str, target: Path) -> None:
        """Write a file of a job to *target*."""
        self._save(f"{path_of(job_id)}/files/{quote(name, safe='')}", target)

    def archive(self, job_id: str, target: Path) -> None:
        """Wait for the end of a job, and write all its files to *target* as a zip."""
        self.wait(job_id)
        self._save(f"{path_of(job_id)}/download-archive", target)

    def upload(self, path: str | Path) -> str:
        """Upload a file; return its ``file_id`` for the parameters of jobs."""
        source = Path(path)
        with source.open("rb") as file:
            found = self.call("POST", "/api/files", files={"file": (source.name, file)})
        file_id: str = found["file_id"]
        return file_id

    def cancel(self, job_id: str) -> JsonObject:
        """Cancel a job; a running job stops within seconds."""
        return self._act("POST", f"{path_of(job_id)}/cancel")

    def retry(self, job_id: str) -> JsonObject:
        """Start a new run of a job that has ended."""
        return self._act("POST", f"{path_of(job_id)}/retry")

    def delete(self, job_id: str) -> None:
        """Delete a job that is not running."""
        self.call("DELETE", path_of(job_id))

    def deliveries(self, **wanted: Any) -> Iterator[JsonObject]:
        """Yield webhooks with their attempts; *wanted*: filters, e.g. ``status="dead"``."""
        return self._pages("/api/deliveries", "deliveries", "cursor", **wanted)

    @property
    def endpoints(self) -> Endpoints:
        """The endpoints: receivers that a key registers once for the events of its jobs."""
        return Endpoints(self.call, self._pages)

    def resend(self, delivery_id: str) -> None:
        """Send a webhook again, with the same id and the same bytes."""
        self.call("POST", f"/api/deliveries/{quote(delivery_id, safe='')}/resend")

    def _act(self, method: str, path: str) -> JsonObject:
        job: JsonObject = self.call(method, path)["job"]
        return job

    def _stream_of(
        self, job_id: str, last: Event | None, read_sec: float, within_sec: float
    ) -> tuple[ExitStack, Iterator[bytes]]:
        """Open the stream of a job after *last*; return a stack that closes it, and its bytes."""
        headers = {} if last is None else {"Last-Event-ID": str(last.seq)}

        def open_stream() -> tuple[ExitStack, Iterator[bytes]]:
            opened = ExitStack()
            stream = self._transport.stream(
                f"{path_of(job_id)}/stream", headers=headers, timeout=read_sec
            )
            return opened, opened.enter_context(stream).iter_bytes()

        return self._transport.repeated(open_stream, within_sec=within_sec)

    def _pages(self, path: str, name: str, cursor: str, **wanted: Any) -> Iterator[JsonObject]:
        following: str | None = None
        while True:
            given = {key: value for key, value in wanted.items() if value is not None}
            place = {cursor: following} if following else {}
            page = self.call("GET", path, params={**given, **place})
            found: Iterable[JsonObject] = page[name]
            yield from found
            following = page["next"]
            if following is None:
                return

    def _save(self, path: str, target: Path) -> None:
        """Write the content at *path* to *target*, completely or not at all."""
        part = target.with_name(f".{target.name}.part")

        def fetch() -> None:
            with self._transport.stream(path) as response, part.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)

        try:
            self._transport.repeated(fetch)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def path_of(job_id: str) -> str:
    """Return the path of a job."""
    if not job_id:
        raise ValueError("the id of the job is empty")
    return f"{JOBS}/{quote(job_id, safe='')}"
