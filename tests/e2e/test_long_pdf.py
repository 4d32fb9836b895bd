"""A long PDF with real processes: an attempt does not read the pages of the last attempt again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support import pdf_bombs

from secretary_devstack.deadline import wait_until

pytestmark = pytest.mark.drill

PAGES = 300
# Leases that are short enough for a test to wait for.
QUICK = {"worker.lease_sec": 4, "worker.heartbeat_sec": 1, "generic_worker.poll_interval_sec": 1}
# Pages that may be missing from the cache: progress is up to 0.25 s late, writes are batched.
SLACK = 64


def pages_read(job: dict[str, Any]) -> int:
    found = re.match(r"page (\d+) of", (job["progress"] or {}).get("message") or "")
    return int(found[1]) if found else 0


def test_the_attempt_after_kill_9_at_page_200_takes_the_finished_pages_from_the_cache(
    start_stack: Any, tmp_path: Path
) -> None:
    (tmp_path / "long.pdf").write_bytes(pdf_bombs.slow_pages(PAGES, 12_000))
    stack = start_stack(QUICK)
    with stack.client() as client:
        job_id = client.submit("pdf", {"filename": "long.pdf"})
        wait_until(
            lambda: pages_read(client.job(job_id)) >= 200,
            timeout_sec=120,
            what="page 200",
            every_sec=0.05,
        )
        stack.workers[0].kill()
        read_at_kill = pages_read(client.job(job_id))
        stack.add_worker().start()
        job = client.wait(job_id, timeout_sec=120)
        results = client.http.get(f"/api/jobs/{job_id}/results").raise_for_status().json()
        logs = [entry["message"] for entry in job["logs"] if entry["attempt"] == 2]
    assert (job["status"], job["attempt"]) == ("completed", 2)
    pages = results["data"]["results"]["metadata"]["text_contents"]
    assert [page["page"] for page in pages] == list(range(1, PAGES + 1))
    [counted] = [
        re.match(r"300 pages read, (\d+) of them", line) for line in logs if "them" in line
    ]
    assert counted is not None
    assert int(counted[1]) >= read_at_kill - SLACK
    assert int(counted[1]) < PAGES, "the first attempt had already read all pages"
