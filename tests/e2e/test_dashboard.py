"""An operator with a browser: submit a PDF, watch it, read its text, and find a dead receiver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect
from support.dashboard_harness import browser, visit

from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import free_port

SAMPLE = Path(__file__).resolve().parents[2] / "demo" / "sample.pdf"
LONG_MS = 60_000


def test_a_pdf_is_submitted_watched_and_read(start_stack: Callable[..., Stack]) -> None:
    stack = start_stack({"notifier.retry_schedule_sec": [0, 0.2]})
    dead = f"http://127.0.0.1:{free_port()}/hook"
    with browser() as running, visit(running, stack.url) as visitor:
        visitor.sign_in(stack.keys.bootstrap)
        page = visitor.page
        visitor.open("/submit?type=pdf", "Submit a job")
        page.get_by_label("File", exact=True).set_input_files(SAMPLE)
        page.get_by_label("Name", exact=True).fill("the sample")
        page.get_by_text("Webhook", exact=True).click()
        page.get_by_role("textbox", name="URL").fill(dead)
        page.get_by_role("button", name="Submit the job").click()
        page.get_by_role("link", name="the sample").click()
        expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=LONG_MS)
        page.get_by_role("tab", name="Results").click()
        page.get_by_role("tab", name="Text").click()
        expect(page.get_by_label("The text")).to_contain_text("Page 1")
        page.get_by_role("tab", name="Webhooks").click()
        expect(page.get_by_text("No answer").last).to_be_visible(timeout=LONG_MS)
        assert visitor.faults == []
