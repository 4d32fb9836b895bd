"""The pages of jobs: filters, actions on many jobs, one job live, and hostile results."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, Route, expect
from support.dashboard_data import OWNER, stored_document, stored_jobs
from support.dashboard_harness import PHONE, Dashboard, Visitor, visit

from secretary_common.models import Job, JobProgress, JobStatus, LogEntry, new_job_id


def test_jobs_are_filtered_and_pages_follow_each_other(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    jobs = stored_jobs(dashboard.api, 130)
    failed = [job for job in jobs if job.status is JobStatus.FAILED]
    page = visitor.page
    visitor.open("/jobs", "Jobs")
    assert visitor.accessibility_findings() == []
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    expect(rows).to_have_count(30)
    page.get_by_label("State").select_option("failed")
    expect(rows).to_have_count(len(failed))
    page.get_by_label("Tag").fill("no such tag")
    expect(page.get_by_text("No job fits these filters")).to_be_visible()
    page.get_by_role("button", name="Remove the filters").click()
    expect(rows).to_have_count(50)
    page.get_by_label("Find by id").fill(f"look at {jobs[3].job_id} please")
    expect(page.get_by_text(jobs[3].job_id)).to_be_visible()


def test_all_jobs_that_match_a_filter_are_retried(dashboard: Dashboard, visitor: Visitor) -> None:
    jobs = stored_jobs(dashboard.api, 100, failing=True)
    failed = {job.job_id for job in jobs if job.status is JobStatus.FAILED}
    assert len(failed) > 50
    page = visitor.page
    visitor.open("/jobs?status=failed", "Jobs")
    page.get_by_label("Select all rows of this page").check()
    page.get_by_role("button", name="Select all that match").click()
    page.get_by_role("button", name="Retry").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Retry all matching jobs")
    assert visitor.accessibility_findings() == []
    dialog.get_by_role("button", name="Retry all").click()
    expect(page.get_by_text(f"{len(failed)} jobs retried")).to_be_visible()
    changed = dashboard.api.jobs.jobs
    assert {changed[job_id].status for job_id in failed} == {JobStatus.PENDING}


def test_each_call_for_all_matching_jobs_goes_on_after_the_call_before(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    stored_jobs(dashboard.api, 100, failing=True)
    page = visitor.page
    sent: list[str | None] = []
    answers: dict[str | None, str | None] = {None: "c1", "c1": "c2", "c2": None}

    def answer(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "")["cursor"])
        following = answers[sent[-1]]
        done = 0 if sent[-1] == "c1" else 1000
        moved = {"matched": 1000, "done": done, "more": bool(following), "next": following}
        route.fulfill(json={"status": "success", "data": moved})

    page.route("**/api/jobs/retry", answer)
    visitor.open("/jobs?status=failed", "Jobs")
    page.get_by_label("Select all rows of this page").check()
    page.get_by_role("button", name="Select all that match").click()
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry all").click()
    expect(page.get_by_text("2,000 jobs retried")).to_be_visible()
    assert sent == [None, "c1", "c2"]


def test_an_action_on_all_matching_jobs_says_which_states_it_takes(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    jobs = stored_jobs(dashboard.api, 120, failing=True)
    ended = {job.job_id: job for job in jobs if job.has_ended}
    page = visitor.page
    visitor.open("/jobs", "Jobs")
    page.get_by_label("Select all rows of this page").check()
    page.get_by_role("button", name="Select all that match").click()
    page.get_by_role("button", name="Retry", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Retry all matching failed jobs?")
    expect(dialog).to_contain_text("Only failed jobs are retried")
    dialog.get_by_role("button", name="Retry all matching failed jobs").click()
    failed = {one for one, job in ended.items() if job.status is JobStatus.FAILED}
    expect(page.get_by_text(f"{len(failed)} jobs retried")).to_be_visible()
    retried = {one for one in ended if dashboard.api.jobs.jobs[one].run > ended[one].run}
    assert retried == failed
    visitor.open("/jobs?status=completed", "Jobs")
    page.get_by_label("Select all rows of this page").check()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_visible()
    offer = page.get_by_role("button", name="Select all that match")
    if offer.count():
        offer.click()
        expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)


def test_a_job_is_found_by_a_part_of_its_id(dashboard: Dashboard, visitor: Visitor) -> None:
    jobs = stored_jobs(dashboard.api, 60)
    page = visitor.page
    visitor.open("/jobs", "Jobs")
    page.get_by_label("Find by id").fill("abc")
    expect(page.get_by_text("At least 4 characters")).to_be_visible()
    page.get_by_label("Find by id").fill(f"…{jobs[7].job_id[-10:]}")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.get_by_role("link")).to_have_attribute("href", f"#/jobs/{jobs[7].job_id}")
    visitor.page.reload()
    expect(rows).to_have_count(1)


def test_an_empty_page_before_the_last_one_offers_older_jobs(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    [job] = stored_jobs(dashboard.api, 1)
    page = visitor.page

    def answer(route: Route) -> None:
        if "cursor=" in route.request.url:
            route.continue_(url=f"{visitor.url}/api/jobs/?limit=50")
        else:
            route.fulfill(json={"status": "success", "data": {"jobs": [], "next": "c1"}})

    page.route("**/api/jobs/?*", answer)
    visitor.open("/jobs?tag=rare", "Jobs")
    expect(page.get_by_text("None of the newest jobs fits")).to_be_visible()
    page.get_by_role("button", name="Look at older jobs").click()
    expect(page.get_by_label(f"Select {job.job_id}")).to_be_visible()


@pytest.mark.parametrize("place", ["/jobs/job-1", "/batches/batch-1"])
def test_an_unknown_id_says_so_and_nothing_seems_to_be_read(visitor: Visitor, place: str) -> None:
    visitor.page.goto(f"{visitor.url}/#{place}")
    expect(visitor.page.get_by_text("There is no such")).to_be_visible()
    expect(visitor.page.get_by_text("Reading")).to_have_count(0)
    expect(visitor.page.locator("main .bone")).to_have_count(0)
    visitor.forget_refusals()


@pytest.mark.parametrize(
    ("text", "strong"),
    [
        ("__all__ of it", ["all"]),
        ("a__b__c and __d__e", []),
        ("__one__two__ three", ["one__two"]),
        ("größe __ß__", ["ß"]),
        ("__ä__ö", []),
        ("**a**b", ["a"]),
    ],
)
def test_underscores_inside_words_mark_nothing(
    visitor: Visitor, text: str, strong: list[str]
) -> None:
    found = visitor.page.evaluate(
        """async text => {
            const map = document.querySelector("script[type=importmap]").textContent;
            const base = Object.values(JSON.parse(map).imports)[0].split("/vendor/")[0];
            const { Markdown } = await import(`${base}/lib/markdown.js`);
            const { html, render } = await import(`${base}/lib/ui.js`);
            const place = document.createElement("div");
            render(html`<${Markdown} text=${text} />`, place);
            return [...place.querySelectorAll("strong")].map(one => one.textContent);
        }""",
        text,
    )
    assert found == strong


def test_the_selected_jobs_alone_are_cancelled(dashboard: Dashboard, visitor: Visitor) -> None:
    jobs = stored_jobs(dashboard.api, 40)
    waiting = [job for job in jobs if job.status is JobStatus.PENDING][:2]
    ended = next(job for job in jobs if job.has_ended)
    page = visitor.page
    visitor.open("/jobs", "Jobs")
    for job in (*waiting, ended):
        page.get_by_label(f"Select {job.job_id}").check()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel 3 jobs").click()
    expect(page.get_by_text("2 jobs cancelled; 1 job not, because of their state")).to_be_visible()
    cancelled = {
        job.job_id
        for job in dashboard.api.jobs.jobs.values()
        if job.status is JobStatus.CANCELLED and job not in jobs
    }
    assert cancelled == {job.job_id for job in waiting}


def test_a_change_of_a_job_arrives_in_the_list_and_on_its_page(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    now = dashboard.api.clock.now()
    job = Job(
        job_id=new_job_id(),
        job_type="custom",
        job_name="the live one",
        owner=OWNER,
        run_at=now,
        created_at=now,
        updated_at=now,
    )
    jobs, page = dashboard.api.jobs.jobs, visitor.page
    jobs[job.job_id] = job
    visitor.open("/jobs", "Jobs")
    expect(page.locator("tbody")).to_contain_text("Waiting")
    expect(page.locator("#sidebar").get_by_text("Live", exact=True)).to_be_visible()
    running = job.model_copy(
        update={
            "status": JobStatus.PROCESSING,
            "attempt": 1,
            "seq": 1,
            "processing_started_at": now,
            "progress": JobProgress(step="reading", percent=42),
        }
    )
    dashboard.call(jobs.__setitem__, job.job_id, running)
    expect(page.locator("tbody")).to_contain_text("42 % reading")
    page.get_by_role("link", name="the live one").click()
    expect(page.get_by_text("42 %")).to_be_visible()
    ended = running.model_copy(
        update={"status": JobStatus.COMPLETED, "seq": 2, "completed_at": now, "results": {"a": 1}}
    )
    dashboard.call(jobs.__setitem__, job.job_id, ended)
    expect(page.get_by_text("Completed", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Results").click()
    expect(page.get_by_label("The results as JSON")).to_contain_text('"a": 1')


def test_the_first_lines_of_a_log_appear_while_the_job_runs(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    [job, *_] = (job for job in stored_jobs(dashboard.api, 50) if job.job_name)
    visitor.open(f"/jobs/{job.job_id}", str(job.job_name))
    line = LogEntry(
        seq=1, attempt=1, timestamp=job.created_at, level="info", message="the first line"
    )
    dashboard.run(dashboard.api.logs.append(job.job_id, [line]))
    visitor.page.get_by_role("tab", name="Log").click()
    expect(visitor.page.get_by_role("log")).to_contain_text("the first line")


def test_hostile_results_stay_text(dashboard: Dashboard, visitor: Visitor) -> None:
    job = dashboard.run(stored_document(dashboard.api))
    page = visitor.page
    for tab in ("summary", "log", "files", "webhooks", "parameters", "results"):
        visitor.open(f"/jobs/{job.job_id}?tab={tab}", "Annual report")
        assert visitor.accessibility_findings() == [], tab
    expect(page.get_by_label("Text of page 1")).to_contain_text("<script>")
    expect(page.get_by_role("img", name="Page 1 as a picture")).to_be_visible()
    page.get_by_role("tab", name="Markdown").click()
    prose = page.locator(".prose")
    expect(prose).to_contain_text("<img src=x onerror=")
    expect(prose.locator("strong")).to_have_text("Turnover")
    expect(prose.locator("script, iframe, b, [onerror]")).to_have_count(0)
    hrefs = prose.locator("a").evaluate_all("links => links.map(link => link.href)")
    assert hrefs == ["https://example.com/report"]
    sources = prose.locator("img").evaluate_all("images => images.map(image => image.src)")
    assert sources == [f"{visitor.url}/api/jobs/{job.job_id}/files/page_0001.jpg"]
    assert page.evaluate("() => window.stolen") is None


def test_a_dead_webhook_shows_its_attempts_and_is_sent_again(
    dashboard: Dashboard, visitor: Visitor
) -> None:
    job = dashboard.run(stored_document(dashboard.api))
    page = visitor.page
    visitor.open(f"/jobs/{job.job_id}?tab=webhooks", "Annual report")
    expect(page.get_by_text("TimeoutError: no answer in 10 s")).to_be_visible()
    page.get_by_text("Answer of the receiver").last.click()
    expect(page.get_by_text("Service Unavailable")).to_be_visible()
    page.get_by_role("button", name=f"Resend msg_{job.job_id}_7").click()
    expect(page.get_by_text("The webhook is sent again")).to_be_visible()
    assert dashboard.api.doorbell.deliveries == [(job.job_id, 7)]


def test_a_phone_shows_a_job_without_scrolling_to_the_side(
    chromium: Browser, dashboard: Dashboard
) -> None:
    stored_jobs(dashboard.api, 20)
    job = dashboard.run(stored_document(dashboard.api))
    with visit(chromium, dashboard.url, size=PHONE, theme="dark") as visitor:
        visitor.sign_in()
        for place, heading in (("/jobs", "Jobs"), (f"/jobs/{job.job_id}", "Annual report")):
            visitor.open(place, heading)
            width = visitor.page.evaluate("() => document.documentElement.scrollWidth")
            assert width == PHONE[0], place
            assert visitor.accessibility_findings() == [], place
        assert visitor.faults == []
