"""The overview names what is wrong, and its figures are those of the API."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from support.api_harness import Api
from support.dashboard_data import report_worker, stored_document, stored_jobs
from support.dashboard_harness import PHONE, Dashboard, Visitor, visit

from secretary_common.models import JobStatus


def healthy(dashboard: Dashboard) -> None:
    """Store ended jobs, and report a worker and a notifier."""
    api = dashboard.api
    jobs = stored_jobs(api, 200)
    for job in jobs:
        if not job.has_ended:
            del api.jobs.jobs[job.job_id]
    dashboard.run(report_worker(api, "5f0c4be1a2b34d5e6f708192", []))
    notify(api, dashboard)


def notify(api: Api, dashboard: Dashboard, *receivers: dict[str, Any]) -> None:
    seen_at = api.clock.now() + timedelta(days=1)
    dashboard.run(api.notifiers.report("n1", seen_at, {"receivers": list(receivers)}))


@contextlib.contextmanager
def overview_of(chromium: Browser, dashboard: Dashboard) -> Iterator[Visitor]:
    """Open the overview after its data are stored, because it is remembered for some seconds."""
    with visit(chromium, dashboard.url) as visitor:
        visitor.sign_in()
        visitor.open("/", "Overview")
        yield visitor
        assert visitor.accessibility_findings() == []
        assert visitor.faults == []


def test_a_healthy_system_shows_its_figures_and_says_that_nothing_is_wrong(
    chromium: Browser, dashboard: Dashboard
) -> None:
    healthy(dashboard)
    jobs = dashboard.api.jobs.jobs.values()
    completed = sum(job.status is JobStatus.COMPLETED for job in jobs)
    with overview_of(chromium, dashboard) as visitor:
        page = visitor.page
        expect(page.get_by_text("Nothing needs attention")).to_be_visible()
        expect(page.get_by_role("link", name="Completed, last hour")).to_contain_text(
            str(completed)
        )
        expect(page.get_by_role("img", name="Jobs that ended")).to_have_accessible_name(
            f"Jobs that ended in each minute of the last hour: {completed} completed, "
            f"{sum(job.status is JobStatus.FAILED for job in jobs)} failed, "
            f"{sum(job.status is JobStatus.CANCELLED for job in jobs)} cancelled"
        )
        expect(page.locator(".chart canvas")).to_be_visible()


def test_each_trouble_is_named_with_what_to_do(chromium: Browser, dashboard: Dashboard) -> None:
    api = dashboard.api
    stored_jobs(api, 300, failing=True)
    dashboard.run(stored_document(api))
    api.doorbell.answers = False
    receiver = {
        "origin": "https://hooks.example.com:443",
        "failures": 12,
        "open_until": api.clock.now() + timedelta(hours=1),
        "waiting": 64,
        "last_status": 503,
    }
    notify(api, dashboard, receiver)
    with overview_of(chromium, dashboard) as visitor:
        troubles = visitor.page.get_by_role("list", name="What needs attention")
        for text in (
            "RabbitMQ does not answer",
            "No worker is alive",
            "of the type pdf that ended in the last hour have failed",
            "https://hooks.example.com:443 is paused after 12 failures",
            "1 webhook is dead",
        ):
            expect(troubles).to_contain_text(text)


def test_a_type_without_worker_and_a_silent_job_are_named(
    chromium: Browser, dashboard: Dashboard
) -> None:
    api = dashboard.api
    notify(api, dashboard)
    jobs = stored_jobs(api, 400)
    silent = min(
        (job for job in jobs if job.status is JobStatus.PROCESSING), key=lambda job: job.updated_at
    )
    dashboard.run(report_worker(api, "w1", [silent], job_types=["pdf"]))
    with overview_of(chromium, dashboard) as visitor:
        troubles = visitor.page.get_by_role("list", name="What needs attention")
        expect(troubles).to_contain_text("No live worker runs the type custom")
        expect(troubles).to_contain_text("has reported nothing for")
        troubles.get_by_role("link", name="Look at it").click()
        expect(visitor.page.get_by_text(silent.job_id)).to_be_visible()


@pytest.mark.parametrize("is_empty", [True, False], ids=["empty", "busy"])
def test_a_phone_shows_the_overview_without_scrolling_to_the_side(
    chromium: Browser, dashboard: Dashboard, *, is_empty: bool
) -> None:
    if not is_empty:
        healthy(dashboard)
    with visit(chromium, dashboard.url, size=PHONE, theme="dark") as visitor:
        visitor.sign_in()
        visitor.open("/", "Overview")
        width = visitor.page.evaluate("() => document.documentElement.scrollWidth")
        assert width == PHONE[0]
        assert visitor.accessibility_findings() == []
        assert visitor.faults == []
