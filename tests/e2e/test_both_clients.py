"""One scenario with every call, for the sync and for the async client, against a whole system."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from pathlib import Path

import pytest
from support import pdf_samples
from support.both_clients import KINDS, BothClients

from secretary_client import ApiError, JobFailed, JobNotEnded, WaitTimeout, verify_webhook
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.receiver import Receiver

PAGE = Path(__file__).parents[2] / "docs/client.md"
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def stack(start_shared_stack: Callable[..., Stack]) -> Stack:
    polls = {"generic_worker.poll_interval_sec": 0.5, "notifier.poll_interval_sec": 0.5}
    return start_shared_stack(polls)


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, stack: Stack) -> Iterator[BothClients]:
    made = BothClients(request.param, stack.url, stack.keys.bootstrap)
    yield made
    made.close()


def test_the_scenario(client: BothClients, receiver: Receiver, tmp_path: Path) -> None:
    a_document_is_uploaded_read_and_fetched(client, tmp_path)
    jobs_are_followed_cancelled_retried_and_deleted(client)
    jobs_are_moved_by_filter_and_in_batches(client)
    webhooks_arrive_and_are_sent_again(client, receiver)
    an_admin_manages_keys_and_job_types(client)


def test_the_examples_of_the_page_run_as_they_are_written(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(pdf_samples.report_pdf())
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) == 3
    for example in examples:
        program = example.replace("http://localhost:5001", stack.url)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program.replace("sk_…", stack.keys.bootstrap)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def a_document_is_uploaded_read_and_fetched(client: BothClients, tmp_path: Path) -> None:
    content = pdf_samples.report_pdf()
    file_id = client.value(lambda one: one.upload(content, filename="Bericht.pdf"))
    given = {"file_id": file_id, "include_images": True}
    results = client.value(lambda one: one.run("pdf", given, timeout=60, tags=["report"]))
    assert pdf_samples.REPORT_TITLE in results["extracted_text"]
    [job] = client.items(lambda one: one.jobs(tag="report", job_type="pdf"), most=1)
    job_id = job["job_id"]
    assert client.value(lambda one: one.results(job_id)) == results
    assert client.value(lambda one: one.job(job_id))["status"] == "completed"
    assert any("pages read" in line["message"] for line in client.items(lambda o: o.logs(job_id)))
    assert client.value(lambda one: one.attempts(job_id))["attempts"][0]["outcome"] == "completed"
    names = [file["name"] for file in client.value(lambda one: one.files(job_id))]
    assert "page_0001.jpg" in names
    client.value(lambda one: one.download(job_id, "page_0001.jpg", tmp_path / "1.jpg"))
    client.value(lambda one: one.archive(job_id, str(tmp_path / "all.zip")))
    assert (tmp_path / "1.jpg").read_bytes().startswith(b"\xff\xd8")
    assert (tmp_path / "all.zip").read_bytes().startswith(b"PK")


def jobs_are_followed_cancelled_retried_and_deleted(client: BothClients) -> None:
    start = datetime.now(UTC)
    job = client.value(lambda one: one.submit("nap", {"seconds": 0.5}, run_at=start))
    job_id = job["job_id"]
    events = client.items(lambda one: one.follow(job_id))
    assert [event.is_last for event in events] == [False] * (len(events) - 1) + [True]
    place = client.items(lambda one: one.stream(after=f"{start.timestamp():.0f}-0"), most=1)[0]
    assert place.data["job_type"] in {"nap", "pdf"}

    later = datetime.now(UTC) + timedelta(hours=1)
    waiting = client.value(lambda one: one.submit("nap", {"seconds": 1}, run_at=later))["job_id"]
    with pytest.raises(JobNotEnded):
        client.value(lambda one: one.results(waiting))
    with pytest.raises(WaitTimeout):
        client.value(lambda one: one.wait(waiting, timeout=0.5))
    assert client.value(lambda one: one.cancel(waiting))["status"] == "cancelled"
    with pytest.raises(JobFailed, match="cancelled"):
        client.value(lambda one: one.results(waiting))
    client.value(lambda one: one.retry(waiting))
    assert client.value(lambda one: one.wait(waiting))["status"] == "completed"
    client.value(lambda one: one.delete(waiting))
    with pytest.raises(ApiError, match="NOT_FOUND"):
        client.value(lambda one: one.job(waiting))


def jobs_are_moved_by_filter_and_in_batches(client: BothClients) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    nap = {"job_type": "nap", "parameters": {"seconds": 0}, "run_at": later}
    batch = client.value(lambda one: one.batches.submit([nap, nap, nap], name="naps"))
    batch_id = batch["batch_id"]
    assert client.value(lambda one: one.batches.get(batch_id))["counts"]["pending"] == 3
    assert client.items(lambda one: one.batches.all(), most=1)[0]["batch_name"] == "naps"
    done = client.value(lambda one: one.cancel_all(batch_id=batch_id, limit=2))
    assert (done["matched"], done["done"]) == (2, 2)
    assert client.value(lambda one: one.batches.cancel(batch_id))["counts"]["cancelled"] == 3
    again = client.value(lambda one: one.retry_all(batch_id=batch_id, status="cancelled"))
    assert again["done"] == 3
    for job_id in batch["job_ids"]:
        assert client.value(methodcaller("wait", job_id))["status"] == "completed"
    assert client.value(lambda one: one.batches.retry_failed(batch_id))["counts"]["total"] == 3
    assert client.value(lambda one: one.delete_all(batch_id=batch_id))["done"] == 3


def webhooks_arrive_and_are_sent_again(client: BothClients, receiver: Receiver) -> None:
    tested = client.value(lambda one: one.test_webhook(receiver.url(), secret=SECRET))
    assert tested["state"] == "delivered"
    made = client.value(
        lambda one: one.endpoints.create(receiver.url("/events"), secret=SECRET, tags=["hooked"])
    )
    ours = made["id"]
    assert ours in [one["id"] for one in client.items(lambda one: one.endpoints.all())]
    assert client.value(lambda one: one.endpoints.test(ours))["state"] == "delivered"
    changed = client.value(lambda one: one.endpoints.change(ours, events=["completed"]))
    assert changed["events"] == ["completed"]
    hook = {"url": receiver.url(), "secret": SECRET, "progress": False}
    job = client.value(lambda one: one.submit("nap", {"seconds": 0, "webhook": hook}))
    got = receiver.wait_for(lambda all_: len(all_) >= 3, timeout_sec=30, what="the webhook")
    event = verify_webhook(SECRET, got[-1].headers, got[-1].body)
    assert (event["phase"], event["process"]["id"]) == ("completed", job["job_id"])
    [sent] = client.items(lambda one: one.deliveries_of(job["job_id"]))
    assert sent["id"] in [one["id"] for one in client.items(lambda o: o.deliveries(), most=5)]
    client.value(lambda one: one.resend(sent["id"]))
    receiver.wait_for(lambda all_: len(all_) >= 4, timeout_sec=30, what="the webhook again")
    since = datetime.now(UTC) - timedelta(hours=1)
    assert client.value(lambda one: one.recover(since)) == 0
    assert client.value(lambda one: one.endpoints.replay(ours, since)) == 0
    assert client.value(lambda one: one.endpoints.rotate(ours))["secret"].startswith("whsec_")
    assert isinstance(client.value(lambda one: one.receivers()), list)
    client.value(lambda one: one.endpoints.delete(ours))
    with pytest.raises(ApiError, match="NOT_FOUND"):
        client.value(lambda one: one.endpoints.get(ours))


def an_admin_manages_keys_and_job_types(client: BothClients) -> None:
    ends = datetime.now(UTC) + timedelta(days=1)
    key_id = client.value(lambda one: one.keys.create("wiki", scopes=["read"], expires_at=ends))[
        "key_id"
    ]
    client.value(lambda one: one.keys.change(key_id, limits={"max_running": 2}))
    limits = {one["key_id"]: one["limits"] for one in client.value(lambda one: one.keys.all())}
    assert limits[key_id]["max_running"] == 2
    client.value(lambda one: one.keys.delete(key_id))
    client.value(lambda one: one.pause("nap"))
    paused = {one["job_type"]: one["paused"] for one in client.value(lambda o: o.job_types())}
    assert paused["nap"]
    assert not client.value(lambda one: one.resume("nap"))["paused"]
    assert "nap" in client.value(lambda one: one.stats())["types"]
    assert client.value(lambda one: one.overview())["notifiers"]
    assert len(client.value(lambda one: one.workers())) == 1
    assert client.value(lambda one: one.templates())
    actions = [entry["action"] for entry in client.items(lambda one: one.audit(), most=10)]
    assert len(actions) == 10
    assert client.value(lambda one: one.call("GET", "/health/live"))["state"]
