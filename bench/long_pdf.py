"""A long scanned document: how often its progress moves, and how long cancelling it takes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymupdf
from scans import A4, scans

from secretary_devstack.processes.job_client import JobClient, is_finished

PAGES = 300
WATCHED_SEC = 60.0
LOOK_SEC = 0.05
CANCELLED = 5
"""How often it is cancelled, each time at another moment."""


def long_scan() -> bytes:
    """A document of 300 pages that are pictures."""
    first = next(scans())
    with pymupdf.open() as document, pymupdf.open(stream=first.pdf, filetype="pdf") as scan:
        picture = scan[0].get_pixmap(dpi=200, colorspace=pymupdf.csGRAY).tobytes("jpeg")
        for _ in range(PAGES):
            document.new_page(width=A4.width, height=A4.height).insert_image(A4, stream=picture)
        return bytes(document.tobytes(deflate=True))


def watch_long_document(client: JobClient, folder: Path) -> None:
    """Print the longest pause between two changes that a client sees, and the wait for a cancel."""
    (folder / "long.pdf").write_bytes(long_scan())
    parameters = {"filename": "long.pdf", "extraction_method": "ocr", "use_cache": False}
    job_id = client.submit("pdf", parameters)
    changes = _changes(client, job_id, WATCHED_SEC)
    longest = max(later - earlier for earlier, later in itertools.pairwise(changes))
    print(
        f"{PAGES} scanned pages: progress moved {len(changes) / WATCHED_SEC:.1f} times a second, "
        f"longest pause {longest:.2f} s",
        flush=True,
    )
    _cancel(client, job_id)
    waits = []
    for number in range(CANCELLED):
        job_id = client.submit("pdf", parameters)
        client.wait(job_id, timeout_sec=60, until=_reads_pages)
        time.sleep(number / CANCELLED)
        waits.append(_cancel(client, job_id))
    print(f"cancelled within {min(waits):.2f} to {max(waits):.2f} s", flush=True)


def _changes(client: JobClient, job_id: str, watched_sec: float) -> list[float]:
    """When a client that looks all the time saw another progress, in monotonic seconds."""
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
        time.sleep(LOOK_SEC)


def _reads_pages(job: dict[str, Any]) -> bool:
    if is_finished(job):
        raise RuntimeError(f"ended before it was looked at: {job['error']}")
    progress = job["progress"] or {}
    return str(progress.get("message")).startswith("page ")


def _cancel(client: JobClient, job_id: str) -> float:
    """Seconds from the request to the end as a client sees it."""
    asked_at = time.monotonic()
    client.http.post(f"/api/jobs/{job_id}/cancel").raise_for_status()
    while not is_finished(client.job(job_id)):
        time.sleep(LOOK_SEC)
    return time.monotonic() - asked_at
