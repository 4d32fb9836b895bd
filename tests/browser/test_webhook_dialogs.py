"""The dialogs of webhooks and endpoints, which do not depend on the rows below them."""

from __future__ import annotations

from playwright.sync_api import Route, expect
from support.dashboard_data import stored_jobs
from support.dashboard_harness import Dashboard, Visitor
from support.dashboard_system import delivery_of, some_endpoints

EMPTY = {"status": "success", "data": {"endpoints": [], "deliveries": [], "next": None}}


def opened(dashboard: Dashboard, visitor: Visitor, action: str) -> str:
    """Open the newest endpoint by its link, and choose *action*; return the endpoint's id."""
    dashboard.run(some_endpoints(dashboard.api))
    endpoint = next(iter(dashboard.api.endpoints.endpoints))
    visitor.open(f"/endpoints?open={endpoint}", "Endpoints")
    visitor.page.get_by_role("button", name=action).click()
    return endpoint


def nothing(route: Route) -> None:
    route.fulfill(json=EMPTY)


def test_an_endpoint_opens_by_its_link_although_it_is_not_on_the_page(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    page = visitor.page
    page.route("**/api/endpoints?*", nothing)
    opened(dashboard, visitor, "Rotate the secret")
    page.get_by_role("button", name="Rotate it").click()
    expect(page.get_by_label("The signing secret", exact=True)).to_contain_text("whsec_")
    assert visitor.accessibility_findings() == []
    page.get_by_role("button", name="I have stored it").click()
    expect(page.get_by_role("dialog")).to_contain_text("?token=[redacted]")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_secret_stays_although_the_endpoint_is_deleted_meanwhile(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    page = visitor.page
    endpoint = opened(dashboard, visitor, "Rotate the secret")
    page.get_by_role("button", name="Rotate it").click()
    secret = page.get_by_label("The signing secret", exact=True)
    expect(secret).to_contain_text("whsec_")
    with page.expect_response(lambda answer: answer.status == 404):
        dashboard.run(dashboard.api.request("DELETE", f"/api/endpoints/{endpoint}"))
    expect(secret).to_contain_text("whsec_")
    visitor.forget_refusals()


def test_an_unknown_endpoint_says_so(visitor: Visitor) -> None:
    visitor.open("/endpoints?open=ep-1", "Endpoints")
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("there is no endpoint")
    dialog.get_by_role("button", name="Close", exact=True).click()
    expect(dialog).to_have_count(0)
    visitor.forget_refusals()


def test_a_delivery_opens_by_its_link_although_it_is_not_on_the_page(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    api, page = dashboard.api, visitor.page
    [job] = stored_jobs(api, 1)
    dead = delivery_of(api, job, "dead", "https://hooks.example.com:443", 10)
    dashboard.run(api.deliveries.insert_absent([dead]))
    page.route("**/api/deliveries?*", nothing)
    visitor.open(f"/deliveries?open={dead.delivery_id}", "Deliveries")
    expect(page.get_by_role("dialog")).to_contain_text("ConnectError: connection refused")


def test_a_replay_that_ends_before_it_begins_is_refused_in_the_dialog(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    page = visitor.page
    opened(dashboard, visitor, "Replay events")
    page.get_by_label("Until").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Send them again").click()
    expect(page.get_by_role("alert")).to_contain_text("since must be before until")
    visitor.forget_refusals()
