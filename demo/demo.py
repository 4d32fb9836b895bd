"""``make demo``: process a PDF with the whole system, real servers and a webhook receiver.

It exits with 0 only if the text is right and every webhook had a valid signature.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Any

from httpx import HTTPError

from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.processes.local_system import (
    LocalSystem,
    end_on_sigterm,
    local_system,
    wants_broker,
)
from secretary_devstack.servers.receiver import Received, Receiver

PROJECT = Path(__file__).resolve().parents[1]
SAMPLE = "sample.pdf"
CLIENT_JOB_ID = "demo-1"
EXPECTED = (
    "# The Night Post of Lübeck",
    "| Day | Letters | Parcels | Carrier |",
    "| Tuesday | 388 | 41 | Käthe Groß |",
    "2186",
    "Zwölf Boxkämpfer",
    "End of the",
)
JOB_SEC = 60.0
WEBHOOK_SEC = 30.0
BAR = 30
INTERRUPTED = 130
"""The usual exit status after Ctrl-C."""

JsonObject = dict[str, Any]


class DemoFailed(Exception):
    """The demo did not give the expected result."""


def say(text: str) -> None:
    """Print one step."""
    print(f"== {text}", flush=True)


class ProgressBar:
    """A progress bar on a terminal; elsewhere one line for each change."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, job: JsonObject) -> None:
        """Show the progress of *job*."""
        line = progress_line(job)
        if line == self._last:
            return
        if sys.stdout.isatty():
            print(f"\r{line.ljust(len(self._last))}", end="", flush=True)
        else:
            print(line, flush=True)
        self._last = line

    def close(self) -> None:
        """End the line of the bar."""
        if sys.stdout.isatty():
            print()


def progress_line(job: JsonObject) -> str:
    """Return the job's progress in one line."""
    progress = job.get("progress") or {}
    percent = int(progress.get("percent", 0))
    filled = BAR * percent // 100
    step, message = progress.get("step") or job["status"], progress.get("message") or ""
    return f"[{'#' * filled}{'.' * (BAR - filled)}] {percent:3} % {step} {message}".rstrip()


def webhook_line(one: Received, secret: str) -> str:
    """Return a webhook in one line."""
    body = one.json
    percent = body.get("progress")
    shown = "" if percent is None else f"{percent} %"
    verdict = one.signature_fault(secret) or "ok"
    return f"seq {body['seq']:3}  {body['phase']:<11}{shown:>6}  signature {verdict}"


def faults(job: JsonObject, received: list[Received], *, secret: str, token: str) -> list[str]:
    """Return everything that is wrong; empty if all is right."""
    found = []
    if job["status"] != "completed":
        found.append(f"the job is {job['status']}: {job.get('error')}")
    text = (job.get("results") or {}).get("extracted_text") or ""
    found += [f"the text lacks {words!r}" for words in EXPECTED if words not in text]
    if not any(is_terminal(one) and one.json["phase"] == "completed" for one in received):
        found.append("no completed webhook arrived")
    for one in received:
        name = f"webhook seq {one.json['seq']}"
        if fault := one.signature_fault(secret):
            found.append(f"{name}: {fault}")
        if one.headers.get("authorization") != f"Bearer {token}":
            found.append(f"{name}: without our token")
        if one.json["job"]["id"] != CLIENT_JOB_ID:
            found.append(f"{name}: without our job id")
    return found


def is_terminal(one: Received) -> bool:
    """Return whether this is the last webhook of a job."""
    return one.json["phase"] in ("completed", "failed", "cancelled")


def process_sample(system: LocalSystem, receiver: Receiver) -> None:
    """Submit the sample; show its progress, its text and its webhooks.

    Raises:
        DemoFailed: the message names everything that is wrong.
    """
    token = secrets.token_urlsafe(16)
    webhook = {"url": receiver.url("/hook"), "token": token, "jobId": CLIENT_JOB_ID}
    parameters = {
        "filename": SAMPLE,
        "extraction_method": "native",
        "output": "markdown",
        "webhook": webhook,
    }
    bar = ProgressBar()
    with system.stack.client() as client:
        job_id = client.submit("pdf", parameters)
        say(f"submitted demo/{SAMPLE} to {system.stack.url}/api/jobs/: {job_id}")
        job = client.wait(job_id, timeout_sec=JOB_SEC, on_poll=bar.show)
    bar.close()
    say("extracted text")
    print((job.get("results") or {}).get("extracted_text"))
    received = receiver.wait_for(
        lambda all_: any(map(is_terminal, all_)), timeout_sec=WEBHOOK_SEC, what="the last webhook"
    )
    say(f"webhooks received ({len(received)})")
    secret = system.stack.keys.signing
    for one in received:
        print(webhook_line(one, secret))
    if found := faults(job, received, secret=secret, token=token):
        raise DemoFailed("\n  ".join(found))


def main() -> int:
    """Run the demo; return the exit status."""
    end_on_sigterm()
    broker = wants_broker(__doc__ or "")
    try:
        with Receiver() as receiver, local_system(PROJECT, broker=broker, say=say) as system:
            process_sample(system, receiver)
    except (ChildFailed, DemoFailed, HTTPError, NotInTime, ServerMissing) as error:
        print(f"FAILED: {error}", flush=True)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    say(f"done: text, progress and signed webhooks, with {system.versions}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
