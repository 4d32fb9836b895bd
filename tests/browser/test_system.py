"""The pages about webhooks and the system: what they show, and what they change."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from support.dashboard_data import stored_jobs
from support.dashboard_harness import PHONE, Dashboard, Visitor, visit
from support.dashboard_system import (
    delivery_of,
    many_deliveries,
    notifier_with_receivers,
    schema_types,
    some_endpoints,
    some_keys,
    stored_batch,
    templates,
)

from secretary_common.models import DeliveryState

PLACES = {
    "/submit?type=pdf": "Submit a job",
    "/batches": "Batches",
    "/deliveries": "Deliveries",
    "/receivers": "Receivers",
    "/endpoints": "Endpoints",
    "/job-types": "Job types",
    "/templates": "Templates",
    "/keys": "API keys",
    "/audit": "Audit",
}


def is_inside(visitor: Visitor, selector: str) -> bool:
    """Return whether the whole width of an element is visible without scrolling in its box."""
    box = visitor.page.locator(selector).locator("xpath=..")
    return bool(box.evaluate("box => box.scrollWidth <= box.clientWidth"))


def test_a_dead_delivery_is_explained_and_sent_again(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    api, page = dashboard.api, visitor.page
    dashboard.run(notifier_with_receivers(api))
    jobs = stored_jobs(api, 30)
    dead = delivery_of(api, jobs[0], "dead", "https://hooks.example.com:443", 10)
    waiting = delivery_of(api, jobs[1], "pending", "https://hooks.example.com:443", 20)
    dashboard.run(api.deliveries.insert_absent([dead, waiting]))
    visitor.open("/deliveries", "Deliveries")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("Its receiver is paused after failures")
    assert is_inside(visitor, "main .table")
    page.get_by_label("State").select_option("dead")
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="completed").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("ConnectError: connection refused")
    expect(dialog).to_contain_text("The schedule of attempts has ended.")
    assert visitor.accessibility_findings() == []
    dialog.get_by_role("button", name="Resend").click()
    expect(page.get_by_text("The webhook is sent again")).to_be_visible()
    assert api.doorbell.deliveries == [(dead.job_id, dead.seq)]


def test_dead_deliveries_of_a_time_are_recovered(dashboard: Dashboard, visitor: Visitor) -> None:
    api, page = dashboard.api, visitor.page
    made = dashboard.run(many_deliveries(api, stored_jobs(api, 60), failing=True))
    dead = [one for one in made if one.state is DeliveryState.DEAD]
    visitor.open("/deliveries?status=dead", "Deliveries")
    expect(page.get_by_text("No notifier is alive")).to_have_count(0)
    page.get_by_role("button", name="Recover dead deliveries").click()
    assert visitor.accessibility_findings() == []
    page.get_by_role("button", name="Send them again").click()
    expect(page.get_by_text(f"{len(dead)} webhooks are sent again")).to_be_visible()
    expect(page.get_by_text("No delivery fits these filters")).to_be_visible()
    page.get_by_role("button", name="Remove the filters").click()
    expect(page.get_by_text("No notifier is alive").first).to_be_visible()
    visitor.open("/audit", "Audit")
    expect(page.locator("tbody")).to_contain_text("Recovered dead deliveries")
    expect(page.locator("tbody")).to_contain_text(f"done: {len(dead)}")
    expect(page.locator("tbody")).not_to_contain_text("+00:00")


def test_a_key_is_created_limited_and_deleted(dashboard: Dashboard, visitor: Visitor) -> None:
    api, page = dashboard.api, visitor.page
    visitor.open("/keys", "API keys")
    expect(page.get_by_text("There are no API keys yet")).to_be_visible()
    page.get_by_role("button", name="Create a key").click()
    page.get_by_label("Name").fill("the wiki")
    page.get_by_label("deliveries", exact=False).uncheck()
    page.get_by_label("Expires").select_option("90")
    page.get_by_text("Limits", exact=True).click()
    page.get_by_label("Waiting jobs at most").fill("0")
    page.get_by_role("button", name="Create the key").click()
    expect(page.get_by_label("Waiting jobs at most")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Waiting jobs at most").fill("2")
    assert visitor.accessibility_findings() == []
    page.get_by_role("button", name="Create the key").click()
    key = page.get_by_label("The API key", exact=True).inner_text()
    assert visitor.accessibility_findings() == []
    page.get_by_role("button", name="I have stored it").click()
    row = page.locator("tbody tr")
    expect(row).to_contain_text("submit, read")
    assert is_inside(visitor, "main .table")
    assert key not in page.content()
    for _ in range(2):
        assert dashboard.run(api.submit({}, key=key)).status_code == 202
    assert dashboard.run(api.submit({}, key=key)).status_code == 429
    page.reload()
    expect(page.get_by_text("1 key has a full queue (the wiki)")).to_be_visible()
    page.get_by_role("button", name="Change the limits of the wiki").click()
    page.get_by_label("Waiting jobs at most").fill("")
    page.get_by_label("Only certain language models").check()
    page.get_by_role("button", name="Save the limits").click()
    expect(page.get_by_text("has a full queue")).to_have_count(0)
    [stored] = api.keys.keys.values()
    assert (stored.limits.max_pending, stored.limits.models) == (None, [])
    page.get_by_role("button", name="Delete the key the wiki").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the key").click()
    expect(page.get_by_text("There are no API keys yet")).to_be_visible()
    assert dashboard.run(api.get("/api/jobs/", key=key)).status_code == 401
    visitor.forget_refusals()


def test_a_job_type_is_paused_and_resumed(dashboard: Dashboard, visitor: Visitor) -> None:
    schema_types(dashboard.api)
    stored_jobs(dashboard.api, 30)
    page = visitor.page
    visitor.open("/job-types", "Job types")
    row = page.locator("tbody tr", has_text="pdf")
    expect(row).to_contain_text("No live worker")
    assert is_inside(visitor, "main .table")
    page.get_by_role("button", name="Pause pdf").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause pdf").click()
    expect(row).to_contain_text("Paused")
    assert dashboard.api.job_types.types["pdf"].paused
    page.get_by_role("button", name="Resume pdf").click()
    expect(row).to_contain_text("No live worker")
    row.get_by_role("link", name="parameters").click()
    expect(page.get_by_role("dialog")).to_contain_text("extraction_method")
    expect(page.get_by_role("heading", name="Parameters of pdf")).to_be_in_viewport()
    assert visitor.accessibility_findings() == []


def test_an_endpoint_is_registered_rotated_disabled_and_deleted(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    api, page = dashboard.api, visitor.page
    visitor.open("/endpoints", "Endpoints")
    page.get_by_role("button", name="Register an endpoint").click()
    page.get_by_label("URL").fill("ftp://example.com")
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("URL").fill("https://example.com/hook?token=abc")
    page.get_by_label("processing").check()
    page.get_by_label("Job types").fill("pdf, custom")
    page.get_by_label("Headers").fill("X-Api-Key: secret")
    assert visitor.accessibility_findings() == []
    page.get_by_role("button", name="Register it").click()
    secret = page.get_by_label("The signing secret", exact=True).inner_text()
    page.get_by_role("button", name="I have stored it").click()
    row = page.locator("tbody tr")
    expect(row).to_contain_text("https://example.com/hook?token=[redacted]")
    [stored] = api.endpoints.endpoints.values()
    assert stored.secret is not None
    assert api.cipher.open(stored.secret) == secret
    assert (stored.job_types, stored.enabled) == (["pdf", "custom"], True)
    page.get_by_role("link", name="example.com").click()
    page.get_by_role("button", name="Rotate the secret").click()
    page.get_by_role("button", name="Rotate it").click()
    expect(page.get_by_text("The old secret signs too until")).to_be_visible()
    assert page.get_by_label("The signing secret", exact=True).inner_text() != secret
    page.get_by_role("button", name="I have stored it").click()
    page.get_by_role("button", name="Change").click()
    page.get_by_label("cancelled").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("progress, completed, failed")
    [changed] = api.endpoints.endpoints.values()
    assert changed.url == "https://example.com/hook?token=abc"
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable it").click()
    expect(row).to_contain_text("Disabled")
    page.get_by_role("button", name="Enable").click()
    expect(row).to_contain_text("Enabled")
    page.get_by_role("link", name="example.com").click()
    page.get_by_role("button", name="Replay events").click()
    page.get_by_role("button", name="Send them again").click()
    expect(page.get_by_text("The endpoint has missed no event")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the endpoint").click()
    expect(page.get_by_text("No endpoint is registered")).to_be_visible()
    visitor.forget_refusals()


def test_a_batch_is_followed_and_cancelled(dashboard: Dashboard, visitor: Visitor) -> None:
    api, page = dashboard.api, visitor.page
    batch_id = dashboard.run(stored_batch(api, 9, ended=4))
    visitor.open("/batches", "Batches")
    expect(page.locator("tbody tr")).to_contain_text("4 of 9 jobs ended")
    page.get_by_role("link", name="the archive").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("the archive")
    expect(page.locator("tbody tr")).to_have_count(9)
    assert visitor.accessibility_findings() == []
    page.get_by_role("button", name="Cancel 5 jobs").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel 5 jobs").click()
    expect(page.get_by_text("all 9 jobs ended")).to_be_visible()
    page.get_by_label("State").select_option("cancelled")
    expect(page.locator("tbody tr")).to_have_count(5)
    assert visitor.page.url.endswith(f"/#/batches/{batch_id}?status=cancelled")


@pytest.mark.parametrize("state", ["empty", "full"])
def test_every_page_fits_a_phone_and_has_no_accessibility_finding(
    chromium: Browser, dashboard: Dashboard, state: str
) -> None:
    api = dashboard.api
    if state == "full":
        schema_types(api)
        templates(api)
        dashboard.run(some_keys(api))
        dashboard.run(stored_batch(api, 5, ended=2))
        dashboard.run(some_endpoints(api))
        dashboard.run(notifier_with_receivers(api))
        dashboard.run(many_deliveries(api, stored_jobs(api, 70)))
    with visit(chromium, dashboard.url, size=PHONE, theme="dark") as visitor:
        visitor.sign_in()
        for place, heading in PLACES.items():
            visitor.open(place, heading)
            assert visitor.accessibility_findings() == [], place
            width = visitor.page.evaluate("() => document.documentElement.scrollWidth")
            assert width == PHONE[0], place
            bar = visitor.page.locator(".topbar").bounding_box()
            assert bar
            assert bar["height"] < 80, place
        assert visitor.faults == []
