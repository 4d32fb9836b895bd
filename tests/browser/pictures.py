"""Draws the pictures of docs/dashboard.md, with made-up data: ``make pictures``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pymupdf
from playwright.sync_api import Browser
from support.dashboard_data import report_worker, stored_document, stored_jobs
from support.dashboard_harness import DESKTOP, PHONE, Dashboard, browser, visit
from support.dashboard_system import (
    live_workers,
    many_deliveries,
    notifier_with_receivers,
    schema_types,
    some_endpoints,
    some_keys,
    stored_batch,
)

from secretary_common.models import Job, JobStatus

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "dashboard"
DRAWN_MS = 1500
"""A chart is drawn within this time."""


@contextmanager
def dashboard(*, jobs: int, is_failing: bool = False) -> Iterator[tuple[Dashboard, Job | None]]:
    """Yield a dashboard with *jobs* jobs, and its richest job; an empty dashboard has none."""
    with Dashboard() as running:
        api, document = running.api, None
        if jobs:
            stored = stored_jobs(api, jobs, failing=is_failing)
            picture, text = page_of_sample()
            document = running.run(stored_document(api, picture=picture, text=text))
            active = [job for job in stored if job.status is JobStatus.PROCESSING]
            running.run(report_worker(api, "5f0c4be1a2b34d5e6f708192", active[:3]))
            receivers = []
            if is_failing:
                api.doorbell.answers = False
                until = api.clock.now() + timedelta(hours=1)
                origin = "https://hooks.example.com:443"
                receivers = [
                    {"origin": origin, "failures": 12, "open_until": until, "last_status": 503}
                ]
            seen_at = api.clock.now() + timedelta(days=1)
            running.run(api.notifiers.report("n1", seen_at, {"receivers": receivers}))
        yield running, document


@contextmanager
def system() -> Iterator[Dashboard]:
    """Yield a dashboard with job types, keys, endpoints, and deliveries in every state."""
    with Dashboard() as running:
        api = running.api
        schema_types(api)
        running.run(live_workers(api))
        running.run(notifier_with_receivers(api))
        running.run(many_deliveries(api, stored_jobs(api, 300)))
        running.run(some_keys(api))
        running.run(some_endpoints(api))
        running.run(stored_batch(api, 40, ended=23))
        yield running


def page_of_sample() -> tuple[bytes, str]:
    """Return the first page of the sample as a picture and as text."""
    with pymupdf.open(ROOT / "demo" / "sample.pdf") as document:
        page = document[0]
        return page.get_pixmap(dpi=80).tobytes("jpeg"), page.get_text()


def draw(
    running: Browser, url: str, place: str, heading: str, name: str, *, is_phone: bool, theme: str
) -> None:
    """Write a picture of a page."""
    size = PHONE if is_phone else DESKTOP
    with visit(running, url, size=size, theme=theme) as visitor:
        visitor.sign_in()
        visitor.open(place, heading)
        visitor.page.mouse.move(0, 0)
        visitor.page.wait_for_timeout(DRAWN_MS)
        visitor.page.screenshot(path=FOLDER / f"{name}.png")


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    with browser() as running:
        with dashboard(jobs=10_000) as (shown, job):
            assert job is not None
            path = f"/jobs/{job.job_id}"
            results, title = f"{path}?tab=results", job.job_name or ""
            draw(running, shown.url, "/jobs", "Jobs", "jobs", is_phone=False, theme="light")
            draw(running, shown.url, path, title, "job", is_phone=False, theme="dark")
            draw(running, shown.url, results, title, "results", is_phone=False, theme="light")
            draw(running, shown.url, path, title, "job-phone", is_phone=True, theme="dark")
        with dashboard(jobs=500, is_failing=True) as (shown, _):
            draw(running, shown.url, "/", "Overview", "failing", is_phone=False, theme="dark")
        with dashboard(jobs=800) as (shown, _):
            draw(running, shown.url, "/", "Overview", "overview", is_phone=False, theme="light")
            draw(
                running, shown.url, "/", "Overview", "overview-phone", is_phone=True, theme="light"
            )
        with system() as shown:
            form, title = "/submit?type=pdf", "Submit a job"
            draw(running, shown.url, form, title, "submit", is_phone=False, theme="light")
            place, title = "/deliveries", "Deliveries"
            draw(running, shown.url, place, title, "deliveries", is_phone=False, theme="light")
            dead = "/deliveries?status=dead"
            draw(running, shown.url, dead, title, "deliveries-phone", is_phone=True, theme="dark")
            place, title = "/keys", "API keys"
            draw(running, shown.url, place, title, "keys", is_phone=False, theme="dark")
        with dashboard(jobs=0) as (shown, _):
            draw(running, shown.url, "/jobs", "Jobs", "empty", is_phone=False, theme="light")


if __name__ == "__main__":
    main()
