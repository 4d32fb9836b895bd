"""The dashboard over in-memory repositories, served on a real port, and a browser that opens it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import uvicorn
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)
from support.api_harness import ADMIN_KEY, Api

from secretary_common.runtime.clock import ManualClock
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.servers.provision import PROGRAMS, provide

T = TypeVar("T")
AXE = Path(__file__).parent / "axe" / "axe.min.js"
START_SEC = 10.0
ACTION_MS = 10_000
DESKTOP = (1280, 800)
PHONE = (390, 844)


class Dashboard:
    """The API with its dashboard on a port of this machine; ``api`` has the repositories."""

    def __init__(self) -> None:
        self.api = Api(clock=ManualClock(datetime.now(UTC)))
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        config = uvicorn.Config(
            self.api.app,
            host=HOST,
            port=port,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._server.serve())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run *coroutine* in the loop of the API; return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_SEC)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + START_SEC
        while not self._server.started:
            assert time.monotonic() < deadline, "the dashboard did not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(START_SEC)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call *function* in the loop of the API."""
        self._loop.call_soon_threadsafe(function, *arguments)


class Visitor:
    """A browser's page at the dashboard; it notes what a page must never do."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        page.set_default_timeout(ACTION_MS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"external request: {request.url}")

    def sign_in(self, key: str = ADMIN_KEY) -> None:
        """Sign in with *key* by the form."""
        self.page.goto(self.url)
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.locator("#sidebar").wait_for(state="attached")

    def open(self, place: str, heading: str) -> None:
        """Open a place, e.g. ``/jobs``, and wait for its title and its data."""
        self.page.goto(f"{self.url}/#{place}")
        self.page.get_by_role("heading", name=heading, level=1).wait_for()
        self.settle()

    def settle(self) -> None:
        """Wait until no part of the page waits for its data."""
        self.page.locator("main .bone").first.wait_for(state="detached")

    def forget_refusals(self) -> None:
        """Forget the line that the browser itself writes for each request that is refused."""
        self.faults = [fault for fault in self.faults if "Failed to load resource" not in fault]

    def accessibility_findings(self) -> list[str]:
        """Return what axe-core finds on the page, of any but minor impact."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate("async () => (await axe.run()).violations")
        return [
            f"{one['id']} ({one['impact']}): {one['nodes'][0]['html']}"
            for one in found
            if one["impact"] != "minor"
        ]


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Yield Debian's Chromium, which is installed if it is missing."""
    assert provide(PROGRAMS["chromium"]), "Chromium is missing and cannot be installed"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        yield running
        running.close()


@contextlib.contextmanager
def visit(
    running: Browser,
    url: str,
    *,
    size: Sequence[int] = DESKTOP,
    theme: Any = "light",
) -> Iterator[Visitor]:
    """Yield a visitor of the dashboard at *url* with a window of *size*."""
    context: BrowserContext = running.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,
        reduced_motion="reduce",
        bypass_csp=False,
    )
    try:
        yield Visitor(context.new_page(), url)
    finally:
        context.close()
