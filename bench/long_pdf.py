"""Measures a long scanned document: how often its progress changes, and how fast it cancels."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymupdf
from harness.results import Record
from scans import A4, scans

from secretary_devstack.processes.job_client import JobClient, is_finished

PAGES = 300
WATCHED_SEC = 60.0
POLL_SEC = 0.05
CANCELLATIONS = 5
"""How often a job is cancelled, each time at another moment."""


def long_scan() -> bytes:
    """Return a document of 300 pages that are images."""
    first = next(scans())
    with pymupdf.open() as document, pymupdf.open(stream=first.pdf, filetype="pdf") as scan:
        picture = scan[0].get_pixmap(dpi=200, colorspace=pymupdf.csGRAY).tobytes("jpeg")
        for _ in range(PAGES):
            document.new_page(width=A4.width, height=A4.height).insert_image(A4, stream=picture)
        return bytes(document.tobytes(deflate=True))


def watch_long_document(client: JobClient, folder: Path) -> Record:
    """Return the longest pause between two changes that a client sees, and the time of a cancel."""
    (folder / "long.pdf").write_bytes(long_scan())
    parameters = {"filename": "long.pdf", "extraction_method": "ocr", "use_cache": False}
    job_id = client.submit("pdf", parameters)
    changes = _changes(client, job_id, WATCHED_SEC)
    _cancel(client, job_id)
    waits = []
    for number in range(CANCELLATIONS):
        job_id = client.submit("pdf", parameters)
        client.wait(job_id, timeout_sec=60, until=_reads_pages)
        time.sleep(number / CANCELLATIONS)
        waits.append(_cancel(client, job_id))
    return {
        "part": "long",
        "pages": PAGES,
        "changes_per_sec": len(changes) / WATCHED_SEC,
        "longest_pause_sec": max(later - earlier for earlier, later in itertools.pairwise(changes)),
        "least_cancel_sec": min(waits),
        "most_cancel_sec": max(waits),
    }


def _changes(client: JobClient, job_id: str, watched_sec: float) -> list[float]:
    """Return when a polling client saw the progress change, in monotonic seconds."""
    client.wait(job_id, timeout_sec=60, until=_reads_pages)
    seen: Any = None
    changes: list[float] = []
    for now in _ticks(watched_sec):
        if (progress := client.job(job_id)["progress"]) != seen:
            seen = progress
            changes.append(now)
    return changes


def _ticks(lasting_sec: float) -> Iterator[float]:
    end = time.monotonic() + lasting_sec
    while (now := time.monotonic()) < end:
        yield now
        time.sleep(POLL_SEC)


def _reads_pages(job: dict[str, Any]) -> bool:
    if is_finished(job):
        raise RuntimeError(f"the job ended before it was measured: {job['error']}")
    progress = job["progress"] or {}
    return str(progress.get("message")).startswith("page ")


def _cancel(client: JobClient, job_id: str) -> float:
    """Cancel the job; return the seconds until a client sees its end."""
    asked_at = time.monotonic()
    client.http.post(f"/api/jobs/{job_id}/cancel").raise_for_status()
    while not is_finished(client.job(job_id)):
        time.sleep(POLL_SEC)
    return time.monotonic() - asked_at
