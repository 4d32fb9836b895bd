"""Uses the system as the README says, and the rest of the API."""

from __future__ import annotations

import base64
import json
import time

from compose.project import JsonObject, Project, run
from support.scenario_report import expect, say

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.servers.receiver import signature_fault

JOB_SEC, WEBHOOK_SEC = 60.0, 30.0
SAMPLE = "/files/sample.pdf"
OCR = {"extraction_method": "ocr", "page_end": 1}
NATIVE = {"extraction_method": "native", "use_cache": False}
SLOW_URL = "http://receiver:8080/slow.pdf"
"""Answers after ten seconds: a job that reads it runs long, and costs nothing meanwhile."""
EXPECTED = "The Night Post of Lübeck"


def curl(
    project: Project, path: str, *arguments: str, content_type: str | None = "application/json"
) -> JsonObject:
    """Call the API with curl; return the ``data`` of its answer.

    Raises:
        PromiseBroken: the answer is an error.
    """
    key = project.secrets["SECRETARY_API__BOOTSTRAP_KEY"]
    headers = ["-H", f"Authorization: Bearer {key}"]
    headers += ["-H", f"Content-Type: {content_type}"] if content_type else []
    command = ("curl", "-sS", "--max-time", "15", *headers, *arguments, f"{project.url}{path}")
    answer: JsonObject = json.loads(run(*command, env=project.env))
    expect(answer["status"] == "success", f"{path}: {answer}")
    data: JsonObject = answer["data"]
    return data


def use_as_the_readme_says(project: Project) -> None:
    """Make the README's three curl calls, and check the signed webhook."""
    webhook = {"url": "http://receiver:8080/hook", "jobId": "client-1"}
    parameters = {"filename": SAMPLE, "extraction_method": "native", "webhook": webhook}
    body = json.dumps({"job_type": "pdf", "parameters": parameters})
    job_id = curl(project, "/api/jobs/", "-X", "POST", "-d", body)["job_id"]
    say(f"curl -X POST /api/jobs/: {job_id}")

    def poll() -> JsonObject | None:
        job = curl(project, f"/api/jobs/{job_id}")
        return job if job["status"] in ("completed", "failed") else None

    job = wait_until(poll, timeout_sec=JOB_SEC, what=job_id, every_sec=0.3)
    expect(job["status"] == "completed", f"{job_id} {job['status']}: {job['error']}")
    text = job["results"]["extracted_text"]
    expect(EXPECTED in text, f"the text lacks {EXPECTED!r}")
    say(f"curl /api/jobs/{{id}}: completed, {len(text)} characters")
    listed = [one["job_id"] for one in curl(project, "/api/jobs/?limit=10")["jobs"]]
    expect(job_id in listed, "the list lacks the job")
    say(f"curl /api/jobs/: {len(listed)} job")
    check_webhook(project, job_id)


def check_webhook(project: Project, job_id: str) -> None:
    """Check that the completion arrived, with a valid signature under the service's secret."""
    (receiver,) = project.containers("receiver")

    def completion() -> JsonObject | None:
        for line in project.log_lines(receiver):
            event = json.loads(base64.b64decode(line["body"]))
            if (event["process"]["id"], event["phase"]) == (job_id, "completed"):
                return line
        return None

    line = wait_until(completion, timeout_sec=WEBHOOK_SEC, what="a webhook", every_sec=0.5)
    body = base64.b64decode(line["body"])
    secret = json.loads(project.secrets["SECRETARY_NOTIFIER__SIGNING_SECRETS"])[0]
    fault = signature_fault(secret, line["headers"], body, now=time.time())
    expect(not fault, f"the webhook does not verify: {fault}")
    count = len(list(project.log_lines(receiver)))
    say(f"webhooks received in the container: {count}; the completion's signature verifies")


def use_the_rest(project: Project, client: JobClient) -> None:
    """Upload, cancel, retry, delete, resend: each user of MongoDB does all of its work."""
    upload = curl(project, "/api/files", "-F", "file=@demo/sample.pdf", content_type=None)
    job_id = client.submit("pdf", {"file_id": upload["file_id"], **OCR})
    client.wait(job_id, timeout_sec=JOB_SEC)
    curl(project, f"/api/jobs/{job_id}/retry", "-X", "POST")
    client.wait(job_id, timeout_sec=JOB_SEC)
    later = client.submit("pdf", {"filename": SAMPLE}, delay_sec=3600)
    curl(project, f"/api/jobs/{later}/cancel", "-X", "POST")
    curl(project, f"/api/jobs/{later}", "-X", "DELETE")
    batch = json.dumps({"jobs": [{"job_type": "pdf", "parameters": {"filename": SAMPLE}}] * 2})
    curl(project, "/api/jobs/batch", "-X", "POST", "-d", batch)
    key = curl(project, "/api/keys", "-X", "POST", "-d", '{"name": "one"}')
    curl(project, f"/api/keys/{key['key_id']}", "-X", "DELETE")
    (delivery, *_) = curl(project, "/api/deliveries")["deliveries"]
    curl(project, f"/api/deliveries/{delivery['id']}/resend", "-X", "POST")
    for job_type in ("pause", "resume"):
        curl(project, f"/api/job-types/session/{job_type}", "-X", "POST")
    say("upload, retry, cancel, delete, batch, key, resend and pause work")
