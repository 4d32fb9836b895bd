"""A browser, and the dashboard over in-memory repositories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support.dashboard_harness import Dashboard, Visitor, browser, visit


# Not for the whole session: while Playwright runs, no asynchronous test can run in this process.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium, for the tests of a module."""
    with browser() as running:
        yield running


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    """The API and its dashboard, with empty repositories."""
    with Dashboard() as running:
        yield running


@pytest.fixture
def visitor(chromium: Browser, dashboard: Dashboard) -> Iterator[Visitor]:
    """A signed-in admin; the test fails if the page did what a page must never do."""
    with visit(chromium, dashboard.url) as running:
        running.sign_in()
        yield running
        assert running.faults == []
