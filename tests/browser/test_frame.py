"""The frame of the dashboard: sign-in, navigation, keyboard, theme."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Route, expect
from support.api_harness import ADMIN_KEY
from support.dashboard_harness import PHONE, Dashboard, Visitor, visit

NO_JOBS = {"status": "success", "data": {"jobs": [], "next": None}}


def test_a_key_signs_in_and_out(chromium: Browser, dashboard: Dashboard) -> None:
    with visit(chromium, dashboard.url) as visitor:
        page = visitor.page
        page.goto(dashboard.url)
        page.get_by_label("API key").fill("sk_0123456789ab_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("not known")
        assert [fault for fault in visitor.faults if "401" not in fault] == []
        visitor.faults.clear()
        assert visitor.accessibility_findings() == []
        page.get_by_label("API key").fill(ADMIN_KEY)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_focused()
        assert visitor.faults == []


def test_the_keyboard_reaches_the_content_and_the_title_has_the_focus(visitor: Visitor) -> None:
    page = visitor.page
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.locator("body").press("Tab")
    page.get_by_role("link", name="Skip to the content").press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("link", name="Jobs", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Jobs", level=1)).to_be_focused()
    expect(page).to_have_title("Jobs · Secretary")


def test_the_chosen_theme_stays(visitor: Visitor) -> None:
    page = visitor.page
    background = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.get_by_label("Theme").select_option("dark")
    page.reload()
    visitor.open("/", "Overview")
    assert page.evaluate(background) == "rgb(21, 23, 27)"


def test_on_a_phone_the_menu_opens_and_closes(chromium: Browser, dashboard: Dashboard) -> None:
    with visit(chromium, dashboard.url, size=PHONE) as visitor:
        visitor.sign_in()
        page = visitor.page
        page.get_by_role("button", name="Menu").first.click()
        page.get_by_role("link", name="Jobs", exact=True).click()
        expect(page.get_by_role("heading", name="Jobs", level=1)).to_be_visible()
        expect(page.get_by_role("link", name="Overview", exact=True)).to_be_hidden()
        width = page.evaluate("() => document.documentElement.scrollWidth")
        assert width == PHONE[0]
        assert visitor.faults == []


def test_the_end_of_the_session_leads_to_the_sign_in(
    chromium: Browser, dashboard: Dashboard
) -> None:
    with visit(chromium, dashboard.url) as visitor:
        visitor.sign_in()
        dashboard.api.clock.advance(13 * 3600)
        visitor.page.goto(f"{dashboard.url}/#/jobs")
        expect(visitor.page.get_by_label("API key")).to_be_visible()
        expect(visitor.page.get_by_text("Your session has ended")).to_be_visible()
        assert visitor.accessibility_findings() == []
        visitor.sign_in()
        visitor.page.get_by_role("button", name="Sign out").click()
        expect(visitor.page.get_by_label("API key")).to_be_visible()
        expect(visitor.page.get_by_text("Your session has ended")).to_have_count(0)


def test_a_page_that_only_follows_a_stream_notices_the_end_of_the_session(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    page = visitor.page
    page.route("**/api/stream*", lambda route: route.fulfill(status=401, body="{}"))
    dashboard.run(dashboard.api.submit({}))
    visitor.open("/submit", "Submit a job")
    dashboard.api.clock.advance(13 * 3600)
    page.route("**/api/jobs/?*", lambda route: route.fulfill(json=NO_JOBS))
    page.goto(f"{visitor.url}/#/jobs")
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    visitor.forget_refusals()


@pytest.mark.parametrize(
    ("scopes", "heading"),
    [(["submit"], "Submit a job"), (["deliveries"], "Receivers"), (["read"], "Overview")],
)
def test_a_key_lands_on_the_first_page_that_it_may_use(
    dashboard: Dashboard, visitor: Visitor, scopes: list[str], heading: str
) -> None:
    page = visitor.page
    page.get_by_role("button", name="Sign out").click()
    visitor.sign_in(dashboard.run(dashboard.api.new_key("bounded", scopes=scopes)))
    visitor.forget_refusals()  # of requests that were under way when the session ended
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.get_by_role("link", name=heading, exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    assert visitor.accessibility_findings() == []


def test_a_page_does_not_give_up_an_answer_that_takes_longer_than_its_interval(
    visitor: Visitor,
) -> None:
    page = visitor.page
    page.clock.install()
    asked: list[Route] = []

    def keep(route: Route) -> None:
        asked.append(route)

    page.route("**/api/jobs/batch?*", keep)
    with page.expect_request("**/api/jobs/batch?*"):
        page.goto(f"{visitor.url}/#/batches")
    page.clock.run_for(20_000)
    page.evaluate("() => document.title")  # the browser reports the requests until now
    assert len(asked) == 1
    asked[0].fulfill(json={"status": "success", "data": {"batches": [], "next": None}})
    expect(page.get_by_text("There are no batches yet")).to_be_visible()


def test_an_unknown_place_says_so(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.url}/#/nothing/here")
    expect(visitor.page.get_by_text("There is no such page")).to_be_visible()
    visitor.page.get_by_role("link", name=re.compile("overview", re.IGNORECASE)).last.click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Overview")


@pytest.mark.parametrize("place", ["/jobs/%E0%A4%A", "/nothing?a=%E0%A4%A"])
def test_a_link_with_a_broken_encoding_says_so(visitor: Visitor, place: str) -> None:
    visitor.page.goto(f"{visitor.url}/#{place}")
    expect(visitor.page.get_by_text("There is no such page")).to_be_visible()


def test_a_filter_that_the_page_does_not_know_leaves_the_page_usable(visitor: Visitor) -> None:
    visitor.open("/jobs?span=yesterday", "Jobs")
    expect(visitor.page.get_by_text("No job fits these filters")).to_be_visible()


def test_an_error_in_a_page_leaves_the_other_pages_usable(visitor: Visitor) -> None:
    page = visitor.page
    broken = {"status": "success", "data": {"batches": [{}], "next": None}}
    page.route("**/api/jobs/batch?*", lambda route: route.fulfill(json=broken))
    page.goto(f"{visitor.url}/#/batches")
    expect(page.get_by_role("alert")).to_contain_text("This page cannot be shown")
    page.get_by_role("link", name="Jobs", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    assert visitor.faults
    visitor.faults.clear()


def test_a_page_reads_its_data_again_after_a_failure_that_passes(visitor: Visitor) -> None:
    page = visitor.page
    page.route("**/api/templates", lambda route: route.abort())
    page.goto(f"{visitor.url}/#/templates")
    expect(page.get_by_role("alert")).to_contain_text("The API does not answer")
    page.unroute("**/api/templates")
    expect(page.get_by_role("alert")).to_have_count(0, timeout=10_000)
    visitor.forget_refusals()


def test_a_tab_notices_that_another_tab_has_signed_in_with_another_key(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    other = visitor.page.context.new_page()
    other.goto(visitor.url)
    key = dashboard.run(dashboard.api.new_key("the wiki"))
    other.get_by_role("button", name="Sign out").click()
    other.get_by_label("API key").fill(key)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_text("the wiki")).to_be_visible()
    visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(visitor.page.get_by_text("the wiki")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="API keys")).to_have_count(0)
