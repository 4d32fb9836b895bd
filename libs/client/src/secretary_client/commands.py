"""The commands of ``secretary``: each does one thing and returns its output."""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Never

from secretary_client.client import JOBS, Client, path_of
from secretary_client.error import JobFailed, JsonObject
from secretary_client.output import Progress, as_table, print_note, printable

Options = argparse.Namespace
Command = Callable[[Client, Options], object]
"""Returns its output: text is written unchanged, None not at all, all other values as JSON."""


def submit(client: Client, options: Options) -> object:
    """Submit a job and write its id; with ``--wait`` follow the job and write its results."""
    parameters = dict(parameter_of(given) for given in options.parameters)
    if options.upload:
        parameters["file_id"] = client.upload(options.upload)
    names = ("priority", "delay_sec", "max_attempts", "timeout_sec", "job_name", "tags", "target")
    fields = {name: value for name in names if (value := getattr(options, name)) is not None}
    job_id = client.submit(
        options.job_type, parameters, idempotency_key=options.idempotency_key, **fields
    )["job_id"]
    if not options.wait:
        return str(job_id)
    print_note(job_id)
    return _watched(client, job_id, options.wait_sec)


def watch(client: Client, options: Options) -> object:
    """Follow a job to its end and write its results."""
    return _watched(client, options.job_id, options.wait_sec)


def show(client: Client, options: Options) -> object:
    """Write a job as it is now."""
    return client.job(options.job_id)


def results(client: Client, options: Options) -> object:
    """Write the results of a completed job."""
    return client.results(options.job_id)


def logs(client: Client, options: Options) -> object:
    """Write the log of a job."""
    lines = client.logs(options.job_id, level=options.level)
    return "\n".join(
        f"{line['timestamp']}  {line['attempt']}  {line['level']:8} {printable(line['message'])}"
        for line in lines
    )


def attempts(client: Client, options: Options) -> object:
    """Write a table of the attempts of a job, with their workers, times and errors."""
    rows = (
        (
            one["run"],
            one["attempt"],
            one["outcome"],
            one["worker"],
            one["waited_sec"],
            one["started_at"],
            one["ran_sec"],
            one["reason"] or _error_text(one["error"]),
        )
        for one in client.call("GET", f"{path_of(options.job_id)}/attempts")["attempts"]
    )
    columns = ("RUN", "ATTEMPT", "OUTCOME", "WORKER", "WAITED, S", "STARTED", "RAN, S", "WHY")
    return as_table(columns, rows)


def list_jobs(client: Client, options: Options) -> object:
    """Write a table of jobs, newest first."""
    wanted = client.jobs(status=options.status, job_type=options.type, tag=options.tag)
    rows = (
        (
            job["job_id"],
            job["job_type"],
            job["status"],
            (job["progress"] or {}).get("percent"),
            job["attempt"],
            job["created_at"],
            (job["error"] or {}).get("code"),
        )
        for job in itertools.islice(wanted, options.limit)
    )
    return as_table(("JOB", "TYPE", "STATUS", "%", "ATTEMPT", "CREATED", "ERROR"), rows)


def download(client: Client, options: Options) -> object:
    """Save one file of a job, or all its files as a zip."""
    if options.name is None:
        target = options.output or Path(f"{options.job_id}.zip")
        client.archive(options.job_id, target)
    else:
        # The name comes from the job, so folders in the name are cut off.
        target = options.output or Path(Path(options.name).name)
        client.download(options.job_id, options.name, target)
    return str(target)


def upload(client: Client, options: Options) -> object:
    """Upload a file and write its id."""
    return client.upload(options.file)


def cancel(client: Client, options: Options) -> object:
    """Cancel jobs."""
    for job_id in options.job_ids:
        client.cancel(job_id)
    return None


def retry(client: Client, options: Options) -> object:
    """Start new runs of jobs that have ended."""
    for job_id in options.job_ids:
        client.retry(job_id)
    return None


def delete(client: Client, options: Options) -> object:
    """Delete jobs."""
    for job_id in options.job_ids:
        client.delete(job_id)
    return None


def act_on_all(client: Client, options: Options) -> object:
    """Act on all jobs that filters select; write how many were changed."""
    given = {
        "status": options.status,
        "job_type": options.type,
        "tag": options.tag,
        "batch_id": options.batch,
        "user_id": options.user,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    body = {"filter": chosen, "limit": options.limit}
    if options.cursor:
        body["cursor"] = options.cursor
    found = client.call("POST", f"{JOBS}/{options.action}", json=body)
    following = found.get("next")
    more = f"; more jobs may match: repeat with --cursor {following}" if following else ""
    return f"{found['done']} of {found['matched']} jobs{more}"


def types(client: Client, _: Options) -> object:
    """Write a table of the job types with their waiting, scheduled and running jobs."""
    busy = client.call("GET", "/api/stats")["types"]
    rows = []
    for info in client.call("GET", "/api/job-types")["job_types"]:
        now: JsonObject = busy.get(info["job_type"], {})
        counts = (now.get(name) for name in ("waiting", "scheduled", "running", "oldest_wait_sec"))
        state = "paused" if info["paused"] else "active"
        rows.append((info["job_type"], state, info["workers"], *counts))
    columns = ("TYPE", "STATE", "WORKERS", "WAITING", "SCHEDULED", "RUNNING", "OLDEST, S")
    return as_table(columns, rows)


def pause(client: Client, options: Options) -> object:
    """Pause a job type: workers start no more jobs of this type."""
    client.call("POST", f"/api/job-types/{options.job_type}/pause")
    return None


def resume(client: Client, options: Options) -> object:
    """Resume a job type: workers start jobs of this type again."""
    client.call("POST", f"/api/job-types/{options.job_type}/resume")
    return None


def workers(client: Client, _: Options) -> object:
    """Write a table of the workers that are alive."""
    found = client.call("GET", "/api/workers")["workers"]
    rows = [
        (one["id"], one["seen_at"], one["slots"], len(one["running"]), one["job_types"])
        for one in found
    ]
    return as_table(("WORKER", "SEEN", "SLOTS", "RUNNING", "TYPES"), rows)


def deliveries(client: Client, options: Options) -> object:
    """Write a table of webhooks."""
    wanted = {"receiver": options.receiver, "endpoint": options.endpoint}
    found = client.deliveries(status=options.status, **wanted)
    rows = (
        (
            one["id"],
            one["phase"],
            one["state"],
            len(one["attempts"]),
            one["next_attempt_at"],
            (one["wait"] or {}).get("why"),
            one["receiver"],
            _last_outcome(one) or one["reason"],
        )
        for one in itertools.islice(found, options.limit)
    )
    columns = ("DELIVERY", "PHASE", "STATE", "ATTEMPTS", "NEXT", "WAITS FOR", "RECEIVER", "LAST")
    return as_table(columns, rows)


def receivers(client: Client, _: Options) -> object:
    """Write a table of the receivers of webhooks that are busy or in trouble."""
    rows = (
        (
            one["receiver"],
            one["endpoint_id"],
            one["breaker"],
            one["open_until"],
            one["in_flight"],
            one["waiting"],
            one["failures"],
            one["last_error"] or one["last_status"],
        )
        for one in client.call("GET", "/api/receivers")["receivers"]
    )
    columns = "RECEIVER,ENDPOINT,BREAKER,UNTIL,IN FLIGHT,WAITING,FAILURES,LAST"
    return as_table(columns.split(","), rows)


def resend(client: Client, options: Options) -> object:
    """Send webhooks again."""
    for delivery_id in options.delivery_ids:
        client.resend(delivery_id)
    return None


def recover(client: Client, options: Options) -> object:
    """Resend all dead webhooks created in a span of time; write their number."""
    until = options.until or datetime.now(UTC).isoformat()
    span = {"since": options.since, "until": until}
    return str(client.call("POST", "/api/deliveries/recover", json=span)["count"])


def _watched(client: Client, job_id: str, wait_sec: float | None) -> JsonObject:
    progress = Progress()
    for event in client.follow(job_id, timeout=wait_sec):
        progress.show(event)
    job = client.job(job_id)
    if job["status"] != "completed":
        raise JobFailed(job)
    return client.results(job_id)


def parameter_of(given: str) -> tuple[str, Any]:
    """Return the name and the value of ``name=value``, or of ``name=@file``.

    The value is JSON if it can be parsed, else text. The content of a file is text.
    """
    name, _, value = given.partition("=")
    if value.startswith("@"):
        return name, Path(value[1:]).read_text(encoding="utf-8")
    try:
        return name, json.loads(value, parse_constant=_refuse_constant, parse_float=_finite)
    except ValueError:
        return name, value


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large")
    return number


def _error_text(error: JsonObject | None) -> str | None:
    return f"{error['code']}: {error['message']}" if error else None


def _last_outcome(delivery: JsonObject) -> str | None:
    if not delivery["attempts"]:
        return None
    last = delivery["attempts"][-1]
    return str(last["error"] or last["status_code"])
